import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import t, { type Test } from 'tap'
import { openSessionIndex } from '../../../lib/api/read-model/session-index.ts'
import type { Bus } from '../../../lib/bus/connect.ts'
import { openIndexDatabase } from '../../../lib/store/index-database.ts'
import { openIndexStore } from '../../../lib/store/index-store.ts'
import { recordSubject, sessionId } from '../../../subjects/subjects.ts'
import { startBus } from '../../fixtures/bus.ts'
import { sessionLog } from '../../fixtures/records.ts'

const silent = pino({ level: 'silent' })

/** Puts a session's next record into the log; resolves when it is there. */
const open = (bus: Bus, sid: string) => {
  const log = sessionLog(sid)
  const say = async ({ record }: ReturnType<typeof log.record>) => {
    await bus.js.publish(recordSubject(sessionId(sid)), JSON.stringify(record))
  }
  return {
    begin: () => {
      log.begin()
      return say(log.entries.at(-1)!)
    },
    spend: (cost: number) => say(log.record([{ type: 'cost_added', cost }])),
    end: () => say(log.record([{ type: 'session_deleted', userId: null, atMs: 1 }])),
  }
}

const start = async (t: Test) => {
  const { bus } = await startBus(t)
  const folder = mkdtempSync(join(tmpdir(), 'session-index-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = () => join(folder, readdirSync(folder).find(name => name.endsWith('.db')) ?? '')
  const index = () => openSessionIndex(bus, folder, silent)
  return { bus, file, index }
}
const listed = async ({ list }: Awaited<ReturnType<typeof openSessionIndex>>) => {
  const { sessions } = await list({ limit: 100 })
  return sessions.map(({ id, totalCost }) => `${id} ${totalCost}`).sort()
}

t.test(
  'writes when somebody reads, and hears again what a dead process had not written',
  async t => {
    const { bus, file, index } = await start(t)
    const first = await index()
    const [a, b] = [open(bus, 'a'), open(bus, 'b')]
    await a.begin()
    await b.begin()
    for (let n = 0; n < 20; n++) await a.spend(1)
    await first.seen('a')
    await first.seen('b')
    await first.close()
    const store = await openIndexStore(file())
    t.equal(store.appliedSequence(), 0, 'nobody has read')
    await store.close()

    const second = await index()
    t.same(await listed(second), ['a 20', 'b 0'])
    await b.spend(2)
    await a.end()
    // Heard after those before it.
    await open(bus, 'c').begin()
    await second.seen('c')
    t.same(await listed(second), ['b 2', 'c 0'])
    await second.close()
    const written = await openIndexStore(file())
    t.teardown(() => written.close())
    t.ok(written.appliedSequence() > 0)
    t.equal((await written.get('b'))?.totalCost, 2, 'rows and place are written together')
  },
)

t.test('many changed sessions are written unasked', async t => {
  const { bus, file, index } = await start(t)
  const first = await index()
  await Promise.all(Array.from({ length: 501 }, (_, n) => open(bus, `s${n}`).begin()))
  await open(bus, 'last').begin()
  await first.seen('last')
  await first.close()
  const store = await openIndexStore(file())
  t.teardown(() => store.close())
  t.equal(store.appliedSequence(), 500)
})

t.test('what could not be written is heard again', async t => {
  const { bus, file, index } = await start(t)
  const first = await index()
  t.teardown(() => first.close())
  await open(bus, 'a').begin()
  await first.seen('a')
  const other = await openIndexDatabase(file())
  t.teardown(() => other.close())
  const rename = (from: string, to: string) =>
    other.em.getConnection().execute(`alter table ${from} rename to ${to}`)
  await rename('sessions', 'elsewhere')
  await t.rejects(listed(first))
  await rename('elsewhere', 'sessions')
  t.same(await listed(first), [], 'shown is what is written')
  await open(bus, 'b').begin()
  await first.seen('b')
  t.same(await listed(first), ['a 0', 'b 0'])
})
