/** One session of a partition is slow, or cannot be read: the others do not notice, and nothing is lost. */
import t from 'tap'
import { ask } from '../../lib/bus/ask.ts'
import { publishCommand, requestCommand } from '../../lib/bus/command.ts'
import { partitionOf } from '../../subjects/partition.ts'
import { CMD, DLQ } from '../../subjects/streams.ts'
import { recordSubject, sessionId } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { emptyRecord } from '../fixtures/log.ts'
import { createSession, logOf, ownerConfig, promptOf, startOwner } from './owners.ts'

const ENV = { SANDBOX_PROVIDER: 'none', MAX_UNFINISHED_PROMPTS: '10000' }
/** More than an owner once held of a whole partition. */
const MANY = 700
const [odd, other] = (() => {
  const first = sessionId('odd')
  for (let n = 0; ; n++) {
    const next = sessionId(`other-${n}`)
    if (partitionOf(next) === partitionOf(first)) return [first, next] as const
  }
})()

t.test('a slow one', async t => {
  const { nats, bus } = await startBus(t)
  const slow = Promise.withResolvers<void>()
  startOwner(t, ownerConfig(t, nats.url, ENV), {
    at: (step, { sid, commandSequence }) =>
      sid === odd && step === 'decided' && commandSequence > 2 ? slow.promise : undefined,
  })
  await createSession(bus, odd)
  await createSession(bus, other)
  for (let n = 0; n < MANY; n++) await publishCommand(bus, odd, promptOf(`p${n}`))
  const { reply } = await requestCommand(bus, other, promptOf('quick'))
  t.match(reply, { ok: true, position: 1 }, 'the other one is served')
  t.equal((await logOf(bus, odd)).length, 1, 'while nothing of it was decided')
  slow.resolve()
  await requestCommand(bus, odd, promptOf('last'))
  const queued = (await logOf(bus, odd)).slice(1).map(({ record }) => record.request?.id)
  t.same(queued, [...Array.from({ length: MANY }, (_, n) => `p${n}`), 'last'], 'all, in order')
})

t.test('one that a newer version has written', async t => {
  const { nats, bus } = await startBus(t)
  startOwner(t, ownerConfig(t, nats.url, { ...ENV, SESSION_IDLE_MS: '50' }))
  await createSession(bus, odd)
  await createSession(bus, other)
  const newer = { ...emptyRecord(odd, 1), v: 2, secret: 'of the future' }
  await bus.js.publish(recordSubject(odd), JSON.stringify(newer))
  const tooNew = { code: 'RECORD_TOO_NEW', message: /version 2, this program knows 1/ }
  for (let n = 0; n < MANY; n++) await publishCommand(bus, odd, promptOf(`p${n}`))
  await t.rejects(ask(bus, { v: 1, type: 'snapshot', sid: odd }), { cause: tooNew })
  const { reply } = await requestCommand(bus, other, promptOf('quick'))
  t.match(reply, { ok: true, position: 1 }, 'the other one is served')
  t.equal((await logOf(bus, other)).length, 2)
  t.equal((await bus.jsm.streams.info(DLQ)).state.messages, 0, 'nothing is given up')
  const { messages } = (await bus.jsm.streams.info(CMD)).state
  t.equal(messages, MANY, 'its commands wait for who can read it')
})

t.test('whoever asks something of it is told why', async t => {
  const { nats, bus } = await startBus(t)
  await bus.js.publish(recordSubject(odd), JSON.stringify({ ...emptyRecord(odd, 1), v: 2 }))
  startOwner(t, ownerConfig(t, nats.url, ENV))
  const { reply } = await requestCommand(bus, odd, promptOf('p'))
  t.match(reply, { ok: false, code: 'RECORD_TOO_NEW' })
})
