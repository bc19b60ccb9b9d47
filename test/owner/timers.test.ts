/** Deadlines come back as commands, and one that was overwritten by an older one is armed again. */
import t from 'tap'
import { armTimer } from '../../lib/owner/timers.ts'
import type { SessionRecord } from '../../subjects/records.ts'
import { CMD, EVT, TMR } from '../../subjects/streams.ts'
import { liveSubject, sessionId, timerSubject, timersOf } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { createSession, logOf, ownerConfig, spawnOwner, startOwner } from './owners.ts'

t.test('timers', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { CONNECT_TIMEOUT_MS: '3000' })
  startOwner(t, config)

  const isOver = (record: SessionRecord) =>
    record.commandType === 'deadline' &&
    record.events.some(event => event.type === 'sandbox_spawn_failed')
  /** Resolves with the record in which nobody connected in time. */
  const failed = async (sid: string): Promise<SessionRecord> => {
    for await (const message of bus.nc.subscribe(liveSubject(sessionId(sid)))) {
      const record = message.json<SessionRecord>()
      if (isOver(record)) return record
    }
    throw new Error('the connection was closed')
  }

  await t.test('a deadline fires', async t => {
    const over = failed('due')
    await createSession(bus, 'due')
    const armed = await bus.jsm.streams.getMessage(TMR, {
      last_by_subj: timerSubject(sessionId('due'), 'connect'),
    })
    const { atMs } = armed?.json<{ atMs: number }>() ?? { atMs: Number.NaN }
    t.ok((await over).atMs >= atMs, 'not before its time')
  })

  await t.test('an owner that was paused overwrites it with an older one', async t => {
    const sid = sessionId('overwritten')
    const over = failed(sid)
    await createSession(bus, sid)
    await armTimer(bus, sid, { name: 'connect', atMs: Date.now() - 1_000 })
    t.match((await over).events, [{ type: 'sandbox_spawn_failed' }], 'the true one comes too')
  })

  await t.test('one that does not come is put into the inbox by the owner', async t => {
    const sid = sessionId('held-up')
    const over = failed(sid)
    await createSession(bus, sid)
    // As if nobody brought over what it fires.
    await bus.jsm.streams.purge(TMR, { filter: timersOf(sid) })
    t.match((await over).events, [{ type: 'sandbox_spawn_failed' }])
  })

  await t.test('one that the session does not have means nothing', async t => {
    const sid = sessionId('due')
    const stateOf = async (stream: string) => (await bus.jsm.streams.info(stream)).state
    const before = (await stateOf(EVT)).last_seq
    const lastCommand = (await stateOf(CMD)).last_seq
    await armTimer(bus, sid, { name: 'execution', atMs: Date.now() - 1_000 })
    for (;;) {
      const { last_seq, messages } = await stateOf(CMD)
      if (last_seq > lastCommand && messages === 0) break
    }
    t.equal((await stateOf(EVT)).last_seq, before)
  })
})

t.test('a deadline that passes while owner and nats-server are dead', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { CONNECT_TIMEOUT_MS: '1500' })
  const env = { CONNECT_TIMEOUT_MS: '1500', SANDBOX_PROVIDER: 'local' }
  const owner = spawnOwner(t, config, env)
  const sid = await createSession(bus, 'crossed')
  const failures = async () =>
    (await logOf(bus, sid)).flatMap(({ record }) =>
      record.events.flatMap(event =>
        event.type === 'sandbox_spawn_failed' ? [event.generation] : [],
      ),
    )
  const armed = await bus.jsm.streams.getMessage(TMR, {
    last_by_subj: timerSubject(sessionId(sid), 'connect'),
  })
  const { atMs } = armed?.json<{ atMs: number }>() ?? { atMs: Number.NaN }
  const back = (async () => {
    for await (const { type } of bus.nc.status()) if (type === 'reconnect') return
  })()
  await Promise.all([owner.kill(), nats.kill()])
  while (Date.now() < atMs) await new Promise(resolve => setImmediate(resolve))
  await nats.restart()
  await back
  t.same(await failures(), [], 'nobody has decided it meanwhile')
  owner.start()
  while ((await failures()).length === 0) await bus.nc.flush()
  // The same deadline again, as when it fires twice.
  await armTimer(bus, sessionId(sid), { name: 'connect', atMs })
  const fired = (await bus.jsm.streams.info(CMD)).state.last_seq
  for (;;) {
    const { last_seq, messages } = (await bus.jsm.streams.info(CMD)).state
    if (last_seq > fired && messages === 0) break
  }
  t.same(await failures(), [1], 'in effect once')
})
