/** Nothing of a session that nobody uses stays in memory, whoever owned it and however many there were. */
import { join } from 'node:path'
import t from 'tap'
import { openProjection } from '../../lib/owner/rows/projection.ts'
import { openSessions } from '../../lib/owner/sessions.ts'
import { applyRecord } from '../../lib/session/record.ts'
import { initialState } from '../../lib/session/state.ts'
import { sessionId } from '../../subjects/subjects.ts'
import { openBus, startBus } from '../fixtures/bus.ts'
import { createSession, logOf, ownerConfig, startOwner, testLog } from './owners.ts'

const sleepers = (length: number) => Array.from({ length }, (_, n) => sessionId(`sleeper-${n}`))

t.test('put away, by time and by number', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { SANDBOX_PROVIDER: 'none' })
  const owner = startOwner(t, config)
  const sids = sleepers(12)
  await Promise.all(sids.map(sid => createSession(bus, sid)))
  const records = new Map(
    await Promise.all(sids.map(async sid => [sid, await logOf(bus, sid)] as const)),
  )
  await owner.stop()

  for (const [what, options, left] of [
    ['by number', { mostAwake: 4 }, 4],
    ['by time', { idleMs: 30 }, 0],
  ] as const) {
    const { log, until } = testLog(t, what)
    const own = await openBus(t, nats.url, what)
    const folder = join(config.dataDir, what)
    const projection = openProjection(own, { folder, log, mostDirty: 8, ...options })
    // As they come when a burst of sessions is created, and their partitions are lost at once: some are
    // put away written, some unwritten.
    for (const [sid, stored] of records) {
      let state = initialState
      let previous = 0
      for (const { record, sequence } of stored) {
        state = applyRecord(state, record)
        projection.take(sid, { record, sequence, previous, state })
        previous = sequence
      }
    }
    const away = sids.slice(0, sids.length - left)
    await Promise.all(away.map(sid => until(new RegExp(`"sid":"${sid}".*session asleep`))))
    t.equal(projection.awakeCount(), left, what)
    t.ok(projection.openCount() <= left, 'and no file stays open')

    const sequence = records.get(sids[0] as never)?.at(-1)?.sequence ?? 0
    const { messages } = await projection.use(sids[0] as never, sequence, store =>
      store.messages({ limit: 1 }),
    )
    t.same(messages, [], 'one of them wakes')
    await projection.close()
  }
})

t.test('seats are few, and nobody is taken away from under who waits', async t => {
  const sids = sleepers(60)
  const sessions = openSessions({ idleMs: 60_000, mostAwake: 10 })
  t.teardown(() => sessions.close())
  const goOn = Promise.withResolvers<void>()
  const first = sessions.at(sids[0] as never)
  const turn = first.turn(() => goOn.promise)
  for (const sid of sids) sessions.at(sid)
  t.equal(sessions.count(), 10)
  t.equal(sessions.at(sids[0] as never), first, 'one with something to do stays')

  const busy = sids.map(sid => sessions.at(sid).turn(() => goOn.promise))
  t.equal(sessions.count(), sids.length, 'as many as have something to do')
  goOn.resolve()
  await Promise.all([turn, ...busy])
  for (const sid of sids) sessions.at(sid)
  for (let n = 0; n < 100; n++) sessions.at(sessionId(`later-${n}`))
  t.equal(sessions.count(), 10, 'and no more when they are done')
})
