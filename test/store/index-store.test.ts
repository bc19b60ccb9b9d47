import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MikroORM } from '@mikro-orm/sqlite'
import t from 'tap'
import { INDEX_ENTITIES } from '../../lib/store/index-database.ts'
import type { ListQuery } from '../../lib/store/index-list.ts'
import { type IndexStore, openIndexStore } from '../../lib/store/index-store.ts'
import { codeOf } from '../../subjects/errors.ts'
import type { SessionSummary } from '../../subjects/records.ts'
import { temporaryFolder } from '../fixtures/store.ts'

const summary = (id: string, updatedAtMs: number, more: Partial<SessionSummary> = {}) => ({
  id,
  title: null,
  repoOwner: 'demo',
  repoName: 'hello',
  baseBranch: 'main',
  branchName: null,
  model: 'a/b',
  reasoningEffort: null,
  status: 'active' as const,
  createdAtMs: 1,
  updatedAtMs,
  userId: 'u1',
  login: null,
  messageCount: 0,
  totalCost: 0,
  ...more,
})

const write = (store: IndexStore, sequence: number, ...summaries: readonly SessionSummary[]) =>
  store.write(
    sequence,
    summaries.map(summary => ({ summary })),
  )

const startIndex = async (t: { teardown(end: () => void | Promise<void>): unknown }) => {
  const file = join(temporaryFolder(t), 'index', 'sessions.db')
  const store = await openIndexStore(file)
  t.teardown(() => store.close().catch(() => {}))
  return { store, file }
}
const ids = async (store: IndexStore, query: Partial<ListQuery> = {}) =>
  (await store.list({ limit: 50, ...query })).sessions.map(session => session.id)

t.test('the entities and the schema say the same', async t => {
  const { file } = await startIndex(t)
  const orm = await MikroORM.init({ entities: [...INDEX_ENTITIES], dbName: file })
  t.teardown(() => orm.close(true))
  t.equal((await orm.schema.getUpdateSchemaSQL({ safe: true, wrap: false })).trim(), '')
})

t.test('newest change first, every session once, by cursor and by offset', async t => {
  const { store } = await startIndex(t)
  const names = Array.from({ length: 25 }, (_, n) => `s${String(n).padStart(2, '0')}`)
  await write(store, 25, ...names.map((id, n) => summary(id, Math.floor(n / 4))))
  t.equal(store.appliedSequence(), 25)
  const expected = [...names].reverse()
  t.same(await ids(store), expected)
  for (const limit of [1, 4, 7, 24, 25]) {
    const found: string[] = []
    let cursor: string | null = null
    let offset = 0
    for (;;) {
      const page = await store.list({ limit, cursor })
      const sameByOffset = await store.list({ limit, offset })
      t.same(page.sessions, sameByOffset.sessions)
      t.equal(page.hasMore, sameByOffset.hasMore)
      found.push(...page.sessions.map(session => session.id))
      cursor = page.cursor
      offset += limit
      if (!page.hasMore) break
    }
    t.same(found, expected, `pages of ${limit}`)
  }
  for (const limit of [0, -1, Number.NaN]) t.equal((await ids(store, { limit })).length, 1)
  t.equal((await ids(store, { limit: 5, offset: Number.NaN })).length, 5)
  for (const cursor of ['x', '', 'MQ']) {
    t.equal(await ids(store, { cursor }).then(() => 'read', codeOf), 'INVALID_CURSOR')
  }
})

t.test('filters, alone and together', async t => {
  const { store } = await startIndex(t)
  await write(store, 1, summary('a', 1, { title: 'Fix 100% of ÄRGER', status: 'completed' }))
  await write(store, 2, summary('b', 2, { title: "it's_a_test", userId: 'u2' }))
  await write(store, 3, summary('c', 3, { repoOwner: 'other', repoName: 'x', status: 'archived' }))
  t.same(await ids(store, { status: ['completed', 'archived'] }), ['c', 'a'])
  t.same(await ids(store, { excludeStatus: ['archived'] }), ['b', 'a'])
  t.same(await ids(store, { status: [], excludeStatus: [] }), ['c', 'b', 'a'])
  t.same(await ids(store, { repoOwner: 'Demo' }), ['b', 'a'])
  t.same(await ids(store, { repoName: 'x' }), ['c'])
  t.same(await ids(store, { createdBy: ['u2', 'u3'] }), ['b'])
  t.same(await ids(store, { search: 'ärger' }), ['a'], 'in any case, in any alphabet')
  t.same(await ids(store, { search: '100%' }), ['a'])
  t.same(await ids(store, { search: '%' }), ['a'], 'no character means anything but itself')
  t.same(await ids(store, { search: '_' }), ['b'])
  t.same(await ids(store, { search: "'" }), ['b'])
  t.same(await ids(store, { search: 'fix', status: ['active'] }), [])
})

t.test('never goes back, and what is removed stays so', async t => {
  const { store, file } = await startIndex(t)
  const full = summary('a', 20, {
    title: 'T',
    branchName: 'x',
    reasoningEffort: 'low',
    login: 'ada',
    messageCount: 3,
    totalCost: 0.25,
    finishedAtMs: 19,
  })
  await write(store, 2, full)
  await write(store, 3, summary('a', 10, { title: 'old' }))
  t.same(await store.get('a'), full)
  await write(store, 4, summary('a', 20, { title: 'same time' }))
  t.equal((await store.get('a'))?.title, 'same time')
  await write(store, 5, summary('b', 30), summary('c', 30))
  await store.write(7, [{ removed: 'a' }, { summary: summary('d', 31) }])
  t.equal(await store.get('a'), undefined)
  await write(store, 8, summary('a', 99))
  t.same(await ids(store), ['d', 'c', 'b'])
  await store.close()

  const again = await openIndexStore(file)
  t.teardown(() => again.close())
  t.equal(again.appliedSequence(), 8)
  await write(again, 9, summary('a', 100))
  t.same(await ids(again), ['d', 'c', 'b'], 'after a restart as well')
  await again.clear()
  t.equal(again.appliedSequence(), 0)
  await write(again, 1, summary('a', 1))
  t.same(await ids(again), ['a'])
})

t.test('the file is private, and a damaged one is set aside', async t => {
  const { store, file } = await startIndex(t)
  t.equal(statSync(file).mode & 0o777, 0o600)
  await store.close()
  writeFileSync(file, 'x'.repeat(9000))
  t.equal(await openIndexStore(file).then(() => 'opened', codeOf), 'STORE_DAMAGED')
  t.match(readdirSync(join(file, '..')), [/^sessions\.db\.damaged-\d+$/])
})
