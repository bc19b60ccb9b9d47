/** Criterion 1: a created session has its database, with the seven tables. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { startSystem } from '../fixtures/system.ts'

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => join(folder, name))

t.test('database and tables exist after create', async t => {
  const system = await startSystem(t)
  const sid = await system.createSession({ title: 'First' })
  t.equal((await system.call('GET', `/sessions/${sid}/messages`)).status, 200)
  const file = files(join(system.dataDir, 'owner')).find(name => name.endsWith(`${sid}.db`))
  if (!file || !existsSync(file)) return t.fail(`no database of ${sid}`)
  t.equal(statSync(file).mode & 0o077, 0, 'nobody else may read it')
  const db = new DatabaseSync(file, { readOnly: true })
  t.teardown(() => db.close())
  const rows = db.prepare(`select name from sqlite_master where type = 'table'`).all()
  const tables = rows.map(row => row.name)
  for (const name of [
    'session',
    'participants',
    'messages',
    'events',
    'artifacts',
    'sandbox',
    'ws_client_mapping',
  ]) {
    t.ok(tables.includes(name), `table ${name}`)
  }
  t.match(db.prepare('select * from session').all(), [
    { session_name: sid, title: 'First', repo_owner: 'demo', repo_name: 'hello' },
  ])
  t.match(db.prepare('select * from participants').all(), [{ user_id: 'alice', role: 'owner' }])
  t.equal(db.prepare('select * from sandbox').all().length, 1)
})
