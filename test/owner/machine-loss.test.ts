/**
 * A machine is lost with everything on it, or its files are not what they were: what is asked afterwards
 * is answered as before, from the snapshot and the short log behind it.
 */
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ask } from '../../lib/bus/ask.ts'
import { requestCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { publishSnapshot, snapshotsOf } from '../../lib/bus/snapshots.ts'
import { loadSession } from '../../lib/owner/journal.ts'
import { TAIL_RECORDS } from '../../lib/owner/rows/notes.ts'
import { openProjection } from '../../lib/owner/rows/projection.ts'
import { rebuildRows } from '../../lib/owner/rows/rebuild.ts'
import { SNAPSHOT_EVERY } from '../../lib/owner/rows/shelf.ts'
import { dumpRows } from '../../lib/store/dump.ts'
import { sessionFile } from '../../lib/store/session-database.ts'
import type { CommandInput } from '../../subjects/commands.ts'
import { EVT, SNAPSHOT_BUCKET } from '../../subjects/streams.ts'
import { recordSubject, sessionId } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { allAnswers } from './answers.ts'
import { createSession, logOf, ownerConfig, promptOf, startOwner, testLog } from './owners.ts'

const sid = sessionId('kept')
const ENV = { SANDBOX_PROVIDER: 'none', MAX_UNFINISHED_PROMPTS: '10000', SESSION_IDLE_MS: '600000' }

const prompts = async (
  bus: Bus,
  from: number,
  to: number,
  content = (n: number) => `text ${n}`,
) => {
  for (let n = from; n <= to; n += 25) {
    const some = Array.from({ length: Math.min(25, to - n + 1) }, (_, i) => n + i)
    await Promise.all(some.map(i => requestCommand(bus, sid, promptOf(`p${i}`, content(i)))))
  }
}
/** Each cancelled prompt is a line of what people see. */
const cancel = async (bus: Bus, from: number, to: number) => {
  const { snapshot } = await ask(bus, { v: 1, type: 'snapshot', sid })
  for (const { messageId } of snapshot.promptQueue.slice(from - 1, to)) {
    await requestCommand(bus, sid, { v: 1, type: 'cancel_prompt', messageId, userId: 'alice' })
  }
}
/** Rows of another place, where the session is put to rest whenever a test wants a snapshot of it. */
const openPillow = (t: Parameters<typeof testLog>[0], bus: Bus) => {
  const folder = mkdtempSync(join(tmpdir(), 'pillow-'))
  const projection = openProjection(bus, { folder, log: testLog(t, 'pillow').log })
  t.teardown(async () => {
    await projection.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return async () => {
    const { sequence } = await loadSession(bus, sid, projection)
    await projection.use(sid, sequence, async () => {})
    await projection.rest(sid)
    const [snapshot] = await snapshotsOf(bus, sid)
    return snapshot?.record === sequence ? snapshot : undefined
  }
}
const recordsLeft = async (bus: Bus) => {
  const found = await bus.jsm.streams.info(EVT, { subjects_filter: recordSubject(sid) })
  return Object.values(found.state.subjects ?? {})[0] as number
}
const fileIn = (config: { dataDir: string }) =>
  sessionFile(join(config.dataDir, 'owner', '0', 'sessions'), sid)

t.test('with the log cut', async t => {
  const { nats, bus } = await startBus(t)
  const first = startOwner(t, ownerConfig(t, nats.url, ENV))
  await createSession(bus, sid)
  await prompts(bus, 1, 100)
  await cancel(bus, 1, 50)
  const total = (await logOf(bus, sid)).length
  t.ok(total + 250 < SNAPSHOT_EVERY, 'the owner itself takes no snapshot in between')
  const snapshot = openPillow(t, bus)
  t.ok(await snapshot())
  t.equal(await recordsLeft(bus), total, 'nothing is cut behind a single snapshot')
  await prompts(bus, 101, 350)
  t.ok(await snapshot())
  const log = await logOf(bus, sid)
  t.ok(log.length >= TAIL_RECORDS, `${log.length} of ${total + 250} records are left`)
  const [, former] = await snapshotsOf(bus, sid)
  t.equal(log[0]?.sequence, former?.record, 'all from the older of two snapshots on')
  const before = await allAnswers(bus, sid)
  const rows = await rebuild(t, bus)
  await first.stop()

  await t.test('another machine answers the same', async t => {
    const config = ownerConfig(t, nats.url, ENV)
    const owner = startOwner(t, config)
    t.equal(await allAnswers(bus, sid), before)
    const { reply } = await requestCommand(bus, sid, promptOf('p1', 'text 1'))
    t.match(reply, { ok: true, position: null }, 'what was asked long ago is known')
    await owner.stop()
    t.same(dumpRows(fileIn(config)), rows, 'its rows are those of a fresh rebuild')
  })

  await t.test('who was away since before the cut gets exactly what was missed', async t => {
    const owner = startOwner(t, ownerConfig(t, nats.url, ENV))
    const tokenHash = 'a'.repeat(64)
    const user = { userId: 'alice' }
    await requestCommand(bus, sid, { v: 1, type: 'issue_ws_token', tokenHash, user })
    const join = { v: 1, type: 'join', sid, tokenHash, after: 5 } as const
    const { recovered, snapshot } = await ask(bus, join)
    t.equal(recovered, true)
    t.same(
      snapshot.timeline.events.map(line => line.sequence),
      Array.from({ length: 45 }, (_, n) => n + 6),
    )
    await owner.stop()
  })

  const config = ownerConfig(t, nats.url, ENV)
  const damages: Record<string, (file: string) => void> = {
    'one letter of a text is another': file => {
      const bytes = readFileSync(file)
      const at = bytes.indexOf('text 300')
      bytes.write('text 3oo', at)
      writeFileSync(file, bytes)
    },
    'the file is cut off': file => truncateSync(file, 20_000),
    'the file is empty': file => truncateSync(file, 0),
    'no seal: it was open when its process died': file => rmSync(`${file}.seal`),
    'the seal is of another file': file => {
      const bytes = readFileSync(`${file}.seal`, 'utf8')
      writeFileSync(`${file}.seal`, bytes.replace(/applied/, 'applied'.toUpperCase()))
    },
  }
  for (const [name, damage] of Object.entries(damages)) {
    await t.test(name, async t => {
      const owner = startOwner(t, config)
      const whole = await allAnswers(bus, sid)
      await owner.stop()
      damage(fileIn(config))
      const again = startOwner(t, config)
      t.equal(await allAnswers(bus, sid), whole)
      await again.stop()
    })
  }

  await t.test('a file from another log', async t => {
    const other = await startBus(t)
    const foreign = ownerConfig(t, other.nats.url, ENV)
    const there = startOwner(t, foreign)
    await createSession(other.bus, sid)
    await prompts(other.bus, 1, 2)
    await there.stop()
    for (const suffix of ['', '.seal']) {
      copyFileSync(fileIn(foreign) + suffix, fileIn(config) + suffix)
    }
    const owner = startOwner(t, config)
    t.match(JSON.parse(await allAnswers(bus, sid))[4][0].messages.length, 100)
    await owner.stop()
  })

  await t.test('a snapshot ahead of the log is passed over, then replaced', async t => {
    const [newest] = await snapshotsOf(bus, sid)
    const body = Buffer.from('not even zstd')
    const facts = { v: 1, record: 1e9, lineage: '9.9.9.x', digest: '', slot: null } as const
    await publishSnapshot(bus, sid, { facts, body, after: newest?.sequence ?? 0 })
    const owner = startOwner(t, ownerConfig(t, nats.url, ENV))
    await prompts(bus, 351, 380)
    t.ok(await openPillow(t, bus)())
    t.ok((await logOf(bus, sid)).length >= TAIL_RECORDS)
    await owner.stop()
    const here = startOwner(t, ownerConfig(t, nats.url, ENV))
    const { snapshot } = await ask(bus, { v: 1, type: 'snapshot', sid })
    t.equal(snapshot.promptQueue.length, 330)
    await here.stop()
  })
})

const rebuild = async (t: Parameters<typeof testLog>[0], bus: Bus) => {
  const folder = mkdtempSync(join(tmpdir(), 'rebuild-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return rebuildRows(bus, sid, { folder, log: testLog(t, 'rebuild').log })
}

t.test('rows are the same to the byte, made from memory or from the log', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { ...ENV, SANDBOX_PROVIDER: 'local' })
  const owner = startOwner(t, config)
  await createSession(bus, sid)
  await prompts(bus, 1, 2)
  const tell = (command: object) =>
    requestCommand(bus, sid, { v: 1, generation: 1, ...command } as CommandInput)
  await tell({ type: 'sandbox_spawned', objectId: 'o', host: 'h' })
  await tell({ type: 'sandbox_connected', connectionId: 'c' })
  // The order of keys is the sandbox's own.
  const events = [
    { callId: 'c1', status: 'running', tool: 'bash', type: 'tool_call', run: 'r', seq: 1 },
    { b: 1, a: 2, type: 'mystery', run: 'r', seq: 2 },
    { url: 'x', metadata: { b: 1, a: 2 }, artifactType: 'screenshot', type: 'artifact' },
  ]
  await tell({ type: 'sandbox_events', text: null, events })
  const before = await allAnswers(bus, sid)
  await owner.stop()
  t.same(dumpRows(fileIn(config)), await rebuild(t, bus))
  startOwner(t, ownerConfig(t, nats.url, ENV))
  t.equal(await allAnswers(bus, sid), before)
})

t.test('a session that rests leaves a snapshot', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { ...ENV, SESSION_IDLE_MS: '100' })
  startOwner(t, config)
  await createSession(bus, sid)
  let rests = 0
  // It may rest in between, with too little to be worth one.
  for (; (await snapshotsOf(bus, sid)).length === 0; rests++) {
    await prompts(bus, rests * 25 + 1, rests * 25 + 25)
    while (existsSync(`${fileIn(config)}-wal`)) await bus.nc.flush()
  }
  t.ok(rests > 0)
})

t.test('a session too large for a message', async t => {
  const { nats, bus } = await startBus(t)
  const owner = startOwner(t, ownerConfig(t, nats.url, ENV))
  const objects = async () => (await bus.jsm.streams.info(`OBJ_${SNAPSHOT_BUCKET}`)).state.messages
  // What cannot be compressed.
  const noise = () => Buffer.from(crypto.getRandomValues(new Uint8Array(45_000))).toString('base64')
  await createSession(bus, sid)
  await prompts(bus, 1, 40, noise)
  const snapshot = openPillow(t, bus)
  t.match(await snapshot(), { slot: 'a' })
  await prompts(bus, 41, 60, noise)
  t.match(await snapshot(), { slot: 'b' }, 'the newest one stays while the next is stored')
  const before = await allAnswers(bus, sid)
  await owner.stop()
  const other = startOwner(t, ownerConfig(t, nats.url, ENV))
  t.equal(await allAnswers(bus, sid), before)
  t.not(await objects(), 0)
  await requestCommand(bus, sid, { v: 1, type: 'delete_session', userId: 'alice' })
  t.equal((await snapshotsOf(bus, sid)).length, 0)
  const left = (await bus.jsm.streams.info(`OBJ_${SNAPSHOT_BUCKET}`)).state.bytes
  t.ok(left < 10_000, `${left} bytes are left of its objects`)
  await other.stop()
})
