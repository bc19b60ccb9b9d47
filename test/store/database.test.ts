import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../lib/store/database.ts'
import { IndexMetaEntity } from '../../lib/store/entities/summaries.ts'
import { openSessionStore } from '../../lib/store/session-store.ts'
import { codeOf } from '../../subjects/errors.ts'
import { sessionLog } from '../fixtures/records.ts'
import { sql, startStore, temporaryFolder } from '../fixtures/store.ts'

t.test('a schema goes forward, one version after the other, once', async t => {
  const file = join(temporaryFolder(t), 'a.db')
  const first = ['create table a (n integer)', 'insert into a values (1)']
  const second = ['alter table a add column m integer', 'update a set m = n + 1']
  const open = async (...migrations: string[][]) =>
    (await openDatabase({ file, entities: [IndexMetaEntity], migrations })).close()
  await open(first)
  t.same(await sql(file, 'pragma user_version'), [{ user_version: 1 }])
  await open(first, second)
  await open(first, second)
  t.same(await sql(file, 'select * from a'), [{ n: 1, m: 2 }])
  t.same(await sql(file, 'pragma user_version'), [{ user_version: 2 }])

  const before = readFileSync(file)
  const code = await open(first).then(() => 'opened', codeOf)
  t.equal(code, 'STORE_TOO_NEW', 'never backwards')
  t.ok(readFileSync(file).equals(before), 'and the file is left as it is')
})

t.test('a step that fails leaves the version before it', async t => {
  const file = join(temporaryFolder(t), 'a.db')
  const open = async (...migrations: string[][]) =>
    (await openDatabase({ file, entities: [IndexMetaEntity], migrations })).close()
  await open(['create table a (n integer)'])
  await t.rejects(open([], ['create table b (n integer)', 'no sql']))
  t.same(await sql(file, "select name from sqlite_master where type = 'table'"), [{ name: 'a' }])
  t.same(await sql(file, 'pragma user_version'), [{ user_version: 1 }])
})

const filled = async (t: Parameters<typeof startStore>[0], lineBytes = 200) => {
  const { store, folder, file } = await startStore(t)
  const log = sessionLog()
  log.begin()
  for (let n = 0; n < 500; n++) {
    log.record([log.shown(`e${n}`, { type: 'warning', message: 'x'.repeat(lineBytes) })])
  }
  await store.apply(log.entries)
  await store.close()
  return { folder, file, log }
}

t.test('a damaged file is set aside with its name, and the next one begins empty', async t => {
  for (const [what, spoil] of [
    ['no database at all', (file: string) => writeFileSync(file, 'x'.repeat(8192))],
    ['half of it', (file: string) => truncateSync(file, Math.floor(statSync(file).size / 2))],
    [
      'a page of noise',
      (file: string) => {
        const bytes = readFileSync(file)
        bytes.fill(0xab, 8192, 3 * 8192)
        writeFileSync(file, bytes)
      },
    ],
  ] as const) {
    const { folder, file, log } = await filled(t)
    spoil(file)
    const error = await openSessionStore(folder, 's1').then(
      () => undefined,
      thrown => thrown as Error & { cause: { movedTo: string } },
    )
    t.equal(codeOf(error), 'STORE_DAMAGED', what)
    const names = readdirSync(dirname(file))
    t.same(names, [basename(error?.cause.movedTo ?? '')], 'kept under another name')
    const again = await openSessionStore(folder, 's1')
    t.equal(again.appliedSequence(), 0)
    await again.apply(log.entries)
    t.equal((await again.timeline(500, 1e6)).items.length, 500, 'and is built from the log')
    await again.close()
  }
})

t.test('damage that shows only later is told in the same way', async t => {
  const { folder, file } = await filled(t, 40_000)
  const store = await openSessionStore(folder, 's1')
  const bytes = readFileSync(file)
  bytes.fill(0xab, 4096, bytes.length - 4096)
  writeFileSync(file, bytes)
  const code = await store.timeline(500, 1e6).then(() => 'read', codeOf)
  t.equal(code, 'STORE_DAMAGED')
  t.notOk(readdirSync(dirname(file)).includes('s1.db'))
})
