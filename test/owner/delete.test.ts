/** A deleted session leaves one record, and nothing else anywhere; whoever dies meanwhile, it ends so. */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { ask } from '../../lib/bus/ask.ts'
import { publishCommand, requestCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { STEPS } from '../../lib/owner/room.ts'
import { sessionFile } from '../../lib/store/session-database.ts'
import type { CommandInput } from '../../subjects/commands.ts'
import { isTombstone, type SessionRecord } from '../../subjects/records.ts'
import { CMD, DLQ, EVT, IDX, JOB, TMR } from '../../subjects/streams.ts'
import { indexSubject, sandboxJobSubject, sessionId, timersOf } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import {
  createSession,
  creation,
  logOf,
  ownerConfig,
  promptOf,
  spawnOwner,
  startOwner,
} from './owners.ts'

const deletion = (clientRequestId?: string): CommandInput => ({
  v: 1,
  type: 'delete_session',
  userId: 'alice',
  ...(clientRequestId === undefined ? {} : { clientRequestId }),
})
const timers = async (bus: Bus, sid: string): Promise<string[]> => {
  const filter = { subjects_filter: timersOf(sessionId(sid)) }
  return Object.keys((await bus.jsm.streams.info(TMR, filter)).state.subjects ?? {})
}
const messages = async (bus: Bus, stream: string) =>
  (await bus.jsm.streams.info(stream)).state.messages
const code = async (bus: Bus, sid: string, command: CommandInput): Promise<string> => {
  const { reply } = await requestCommand(bus, sid, command)
  return reply.ok ? 'ok' : reply.code
}
/** The main file and what lies beside it. */
const files = (file: string): string[] =>
  existsSync(dirname(file))
    ? readdirSync(dirname(file)).filter(name => join(dirname(file), name).startsWith(file))
    : []
const snapshot = (bus: Bus, sid: string) => ask(bus, { v: 1, type: 'snapshot', sid })
const unknown = { cause: { code: 'SESSION_NOT_FOUND' } }

t.test('a deleted session', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url)
  startOwner(t, config)
  const sid = await createSession(bus, 'doomed')
  const other = await createSession(bus, 'doomed2')
  const file = sessionFile(join(config.dataDir, 'owner', '0', 'sessions'), sid)
  await requestCommand(bus, sid, promptOf('p1'))
  await snapshot(bus, sid)
  t.not(files(file).length, 0)
  t.not((await timers(bus, sid)).length, 0)

  t.equal(await code(bus, sid, deletion('d1')), 'ok')

  await t.test('leaves nothing but the word that it was deleted', async t => {
    t.same(files(file), [])
    t.same(await timers(bus, sid), [])
    const log = await logOf(bus, sid)
    t.equal(log.length, 1)
    t.ok(log[0] && isTombstone(log[0].record))
    const job = await bus.jsm.streams.getMessage(JOB, {
      last_by_subj: sandboxJobSubject('any', 'destroy'),
    })
    t.match(job?.json(), { sid, generation: 1, reason: 'Session deleted' })
  })

  await t.test('is unknown, whoever asks', async t => {
    await t.rejects(snapshot(bus, sid), unknown)
    await t.rejects(ask(bus, { v: 1, type: 'join', sid, tokenHash: 'a' }), unknown)
    for (const command of [promptOf('p2'), deletion('d2'), deletion(), creation()]) {
      t.equal(await code(bus, sid, command), 'SESSION_NOT_FOUND', command.type)
    }
    t.equal(await code(bus, sid, deletion('d1')), 'ok', 'but to who asked and heard nothing')
    t.equal((await logOf(bus, sid)).length, 1)
    t.same(files(file), [], 'and no question makes a file')
  })

  await t.test('what comes late means nothing, and is no news either', async t => {
    const { last_seq } = (await bus.jsm.streams.info(EVT)).state
    const late: CommandInput[] = [
      { v: 1, type: 'deadline', name: 'connect', atMs: Date.now() },
      { v: 1, type: 'sandbox_connected', generation: 1, connectionId: 'c' },
      { v: 1, type: 'sandbox_exited', generation: 1, reason: 'gone', orderly: true },
    ]
    for (const command of late) await publishCommand(bus, sid, command)
    t.equal(await code(bus, sid, promptOf('behind')), 'SESSION_NOT_FOUND')
    t.equal((await bus.jsm.streams.info(EVT)).state.last_seq, last_seq)
    t.equal(await messages(bus, DLQ), 0)
  })

  await t.test('but a sandbox that comes up late is destroyed', async t => {
    const jobs = await messages(bus, JOB)
    const late: CommandInput = {
      ...{ v: 1, type: 'sandbox_spawned', generation: 1 },
      ...{ sandboxId: 'sandbox-1', objectId: 'o', host: 'h' },
    }
    await publishCommand(bus, sid, late)
    t.equal(await code(bus, sid, promptOf('behind it')), 'SESSION_NOT_FOUND')
    t.equal(await messages(bus, JOB), jobs + 1)
    const job = await bus.jsm.streams.getMessage(JOB, {
      last_by_subj: sandboxJobSubject('h', 'destroy'),
    })
    t.match(job?.json(), { sid, generation: 1, objectId: 'o' })
    t.equal((await logOf(bus, sid)).length, 1, 'one record is left')
    const [left] = await logOf(bus, sid)
    t.ok(left && isTombstone(left.record), 'and says that it was deleted')
  })

  await t.test('is alone in that', async t => {
    t.match((await snapshot(bus, other)).snapshot.session, { id: other })
    t.not((await timers(bus, other)).length, 0)
    t.equal((await logOf(bus, other)).length, 1)
  })

  await t.test('says so in the index', async t => {
    for (;;) {
      const found = await bus.jsm.streams.getMessage(IDX, {
        last_by_subj: indexSubject(sessionId(sid)),
      })
      if (found && isTombstone(found.json<SessionRecord>())) break
    }
    t.pass()
  })
})

t.test('killed between two steps of a deletion', { timeout: 120_000 }, async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { OWNER_LEASE_MS: '1000' })
  const owner = spawnOwner(t, config)
  for (const step of STEPS) {
    await t.test(`at "${step}"`, async t => {
      const sid = await createSession(bus, `doomed-${step}`)
      await snapshot(bus, sid)
      const file = sessionFile(join(config.dataDir, 'owner', '0', 'sessions'), sid)
      await owner.stop()
      t.not(files(file).length, 0)
      owner.start({ DIE_AT: step })
      await publishCommand(bus, sid, deletion())
      t.equal(await owner.gone(), 'SIGKILL')

      owner.start()
      const { reply } = await requestCommand(bus, sid, deletion(), { deadlineMs: 20_000 })
      t.match(reply, { code: 'SESSION_NOT_FOUND' }, 'it was deleted before')
      await t.rejects(snapshot(bus, sid), unknown)
      t.equal((await logOf(bus, sid)).length, 1)
      t.same(await timers(bus, sid), [])
      t.same(files(file), [])
      // An acknowledgement is on its way yet when the answer is here; one that is lost is said again.
      while ((await messages(bus, CMD)) > 0) await bus.nc.flush()
      t.pass('the queue is empty')
    })
  }
})

t.test('the files of an owner that had the session before go when it meets it', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { SANDBOX_PROVIDER: 'none' })
  const first = startOwner(t, config)
  const sid = await createSession(bus, 'moved')
  await snapshot(bus, sid)
  await first.stop()
  const file = sessionFile(join(config.dataDir, 'owner', '0', 'sessions'), sid)
  t.not(files(file).length, 0)
  const second = startOwner(t, ownerConfig(t, nats.url, { SANDBOX_PROVIDER: 'none' }))
  t.equal(await code(bus, sid, deletion()), 'ok')
  await second.stop()
  startOwner(t, config)
  await t.rejects(snapshot(bus, sid), unknown)
  t.same(files(file), [])
})
