/** Rows follow the log: whatever happens to a file, what is asked afterwards is answered from the log. */
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { ask } from '../../../lib/bus/ask.ts'
import { requestCommand } from '../../../lib/bus/command.ts'
import type { Bus } from '../../../lib/bus/connect.ts'
import type { StoredRecord } from '../../../lib/bus/newest.ts'
import { openProjection } from '../../../lib/owner/rows/projection.ts'
import { applyRecord } from '../../../lib/session/record.ts'
import { initialState } from '../../../lib/session/state.ts'
import { sessionFile } from '../../../lib/store/session-database.ts'
import { sessionId } from '../../../subjects/subjects.ts'
import { startBus } from '../../fixtures/bus.ts'
import { createSession, logOf, ownerConfig, promptOf, startOwner, testLog } from '../owners.ts'

const sid = sessionId('rows')
const NONE = { SANDBOX_PROVIDER: 'none' }
const contents = async (bus: Bus) =>
  (await ask(bus, { v: 1, type: 'messages', sid, limit: 100 })).messages.map(row => row.content)

t.test('files', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, NONE)
  const file = sessionFile(join(config.dataDir, 'owner', '0', 'sessions'), sid)
  const inFile = (statement: string) => {
    const database = new DatabaseSync(file, { readOnly: true })
    const rows = database.prepare(statement).all()
    database.close()
    return rows
  }
  const first = startOwner(t, config)
  await createSession(bus, sid)
  await requestCommand(bus, sid, promptOf('one'))
  t.same(await contents(bus), ['one'])
  await first.stop()

  await t.test('what stops leaves rows and state behind', async t => {
    t.equal(inFile('select content from messages').length, 1)
    const [meta] = inFile('select applied_sequence, state_sequence from meta')
    const last = (await logOf(bus, sid)).at(-1)?.sequence
    t.match(meta, { applied_sequence: last, state_sequence: last })
  })

  const ways: Record<string, () => void> = {
    'the file as it was': () => {},
    'the file gone': () => rmSync(file),
    'the file damaged': () => writeFileSync(file, 'this is no database'),
    'the file cut off': () => truncateSync(file, 5_000),
    'rows behind the log': () => {
      const database = new DatabaseSync(file)
      database.exec('delete from messages; update meta set applied_sequence = 1, state = null')
      database.close()
    },
    'rows ahead of the log': () => {
      const database = new DatabaseSync(file)
      database.exec('update meta set applied_sequence = 1000000')
      database.close()
    },
    'a state from another log': () => {
      const database = new DatabaseSync(file)
      database.exec("update meta set state = replace(state, 'lastCommandSequence', 'x')")
      database.close()
    },
    'a state of another version': () => {
      const database = new DatabaseSync(file)
      database.exec(`update meta set state = '{"shape":"old","state":{}}'`)
      database.close()
    },
  }
  const expected = ['one']
  for (const [name, spoil] of Object.entries(ways)) {
    await t.test(name, async t => {
      spoil()
      const owner = startOwner(t, config)
      t.same(await contents(bus), expected)
      const { reply } = await requestCommand(bus, sid, promptOf(name))
      t.match(reply, { ok: true, position: expected.length + 1 }, 'the state is whole')
      expected.unshift(name)
      t.same(await contents(bus), expected)
      await owner.stop()
      t.ok(existsSync(file))
    })
  }
  t.ok(
    readdirSync(dirname(file)).some(name => name.includes('damaged')),
    'a damaged file is set aside',
  )
})

t.test('an idle session is closed and comes back', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { ...NONE, SESSION_IDLE_MS: '50' })
  startOwner(t, config)
  await createSession(bus, sid)
  const folder = join(config.dataDir, 'owner', '0', 'sessions')
  for (const prompt of ['one', 'two', 'three']) {
    await requestCommand(bus, sid, promptOf(prompt))
    t.equal((await contents(bus))[0], prompt)
    // While it is open there is a write-ahead log beside it.
    while (existsSync(`${sessionFile(folder, sid)}-wal`)) await bus.nc.flush()
  }
  const snapshot = await ask(bus, { v: 1, type: 'snapshot', sid })
  t.equal(snapshot.snapshot.promptQueue.length, 3)
})

t.test('only so many files are open', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, NONE)
  const owner = startOwner(t, config)
  const sids = Array.from({ length: 12 }, (_, n) => sessionId(`many-${n}`))
  await Promise.all(sids.map(one => createSession(bus, one)))
  await owner.stop()

  const { log } = testLog(t, 'projection')
  const folder = join(config.dataDir, 'elsewhere')
  const projection = openProjection(bus, { folder, log, mostOpen: 4 })
  const names = await Promise.all(
    sids.map(async one => {
      const last = (await logOf(bus, one)).at(-1)?.sequence as number
      const rows = await projection.use(one, last, store => store.participants())
      return rows.map(row => row.userId).join()
    }),
  )
  t.same(new Set(names), new Set(['alice']))
  await Promise.all(sids.map(one => projection.use(one, 0, store => store.participants())))
  t.ok(projection.openCount() <= 5, `${projection.openCount()} are open`)
  await projection.close()
  t.equal(projection.openCount(), 0)
})

t.test('more than memory holds is read from the log', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { ...NONE, MAX_UNFINISHED_PROMPTS: '1000' })
  const owner = startOwner(t, config)
  await createSession(bus, sid)
  await Promise.all(
    Array.from({ length: 300 }, (_, n) => requestCommand(bus, sid, promptOf(`p${n}`))),
  )
  await owner.stop()

  const { log } = testLog(t, 'projection')
  const projection = openProjection(bus, { folder: join(config.dataDir, 'elsewhere'), log })
  let state = initialState
  let previous = 0
  // Handed over all at once: more than may wait.
  const stored = await logOf(bus, sid)
  for (const { record, sequence } of stored) {
    state = applyRecord(state, record)
    projection.take(sid, { record, sequence, previous, state })
    previous = sequence
  }
  const { messages } = await projection.use(sid, previous, store => store.messages({ limit: 100 }))
  t.equal(messages.length, 100)
  await projection.rest(sid)
  const [older, newest] = stored.slice(-2) as [StoredRecord, StoredRecord]
  t.same((await projection.saved(sid, newest))?.state, state, 'and the state is kept')
  t.equal(await projection.saved(sid, older), undefined, 'but not for an older log')
  await projection.close()
})
