import t from 'tap'
import { declareStreams } from '../../lib/bus/declare.ts'
import { codeOf } from '../../subjects/errors.ts'
import { fnv1a32, PARTITIONS } from '../../subjects/partition.ts'
import { CMD, DLQ, HOOK } from '../../subjects/streams.ts'
import { startBus } from '../fixtures/bus.ts'

t.test('streams are declared once, updated when changed, and never silently different', async t => {
  const { bus } = await startBus(t)
  const before = await bus.jsm.streams.info(CMD)
  await declareStreams(bus, { replicas: 1 })
  t.same(
    await bus.jsm.streams.info(CMD).then(i => i.created),
    before.created,
    'declaring again changes nothing',
  )

  await bus.jsm.streams.update(DLQ, { ...(await bus.jsm.streams.info(DLQ)).config, max_age: 1e12 })
  await declareStreams(bus, { replicas: 1 })
  t.equal(
    (await bus.jsm.streams.info(DLQ)).config.max_age,
    30 * 24 * 3600 * 1e9,
    'an option that was changed is set again',
  )

  await declareStreams(bus, { replicas: 1, commandBytes: 1024 ** 2 })
  t.equal(
    (await bus.jsm.streams.info(CMD)).config.max_bytes,
    1024 ** 2,
    'a new limit is taken over',
  )

  await bus.jsm.streams.delete(HOOK)
  await bus.jsm.streams.add({ name: HOOK, subjects: ['hook.*'], storage: 'memory' })
  const refused = await declareStreams(bus, { replicas: 1, commandBytes: 1024 ** 2 }).catch(
    error => error,
  )
  t.equal(codeOf(refused), 'STREAM_MISMATCH')
  t.match(
    refused.message,
    /stream HOOK .*storage.* NATS refuses/,
    'it says which stream and which options',
  )
})

t.test('two processes may declare at the same moment', async t => {
  const { bus } = await startBus(t)
  for (const name of [CMD, DLQ]) await bus.jsm.streams.delete(name)
  await Promise.all([1, 2, 3].map(() => declareStreams(bus, { replicas: 1 })))
  t.ok(await bus.jsm.streams.info(CMD))
})

t.test('our partition is the one that nats-server computes', async t => {
  const { bus } = await startBus(t)
  const ids = Array.from({ length: 200 }, (_, i) => `s-${i}_${(i * 7919).toString(36)}`)
  for (const id of ids) await bus.js.publish(`cmd.${id}`, '{}')
  const { state } = await bus.jsm.streams.info(CMD, { subjects_filter: '>' })
  t.same(
    Object.keys(state.subjects ?? {}).sort(),
    ids.map(id => `cmd.${fnv1a32(id) % PARTITIONS}.${id}`).sort(),
  )
})
