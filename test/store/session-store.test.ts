import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { MikroORM } from '@mikro-orm/sqlite'
import t from 'tap'
import { SESSION_ENTITIES } from '../../lib/store/session-database.ts'
import { openSessionStore } from '../../lib/store/session-store.ts'
import { codeOf } from '../../subjects/errors.ts'
import { sessionLog } from '../fixtures/records.ts'
import { startStore, temporaryFolder } from '../fixtures/store.ts'

t.test('a new session has its tables, in a file that nobody else may read', async t => {
  const { file, folder, sql } = await startStore(t)
  t.equal(file, `${folder}/s1/s1.db`)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(statSync(dirname(file)).mode & 0o777, 0o700)
  const columns = async (table: string) =>
    (await sql(`pragma table_info(${table})`)).map(row => row.name)
  const promised = {
    session:
      'id session_name title repo_owner repo_name repo_default_branch branch_name base_sha current_sha opencode_session_id model status created_at updated_at',
    participants:
      'id user_id github_user_id github_login github_email github_name role github_access_token_encrypted github_refresh_token_encrypted github_token_expires_at ws_auth_token ws_token_created_at joined_at',
    messages:
      'id author_id content source model attachments status error_message created_at started_at completed_at callback_context',
    events: 'id type data message_id created_at',
    artifacts: 'id type url metadata created_at',
    sandbox:
      'id modal_sandbox_id modal_object_id snapshot_id snapshot_image_id auth_token status git_sync_status last_heartbeat last_activity created_at spawn_failure_count last_spawn_failure',
    ws_client_mapping: 'ws_id participant_id client_id created_at',
  }
  for (const [table, names] of Object.entries(promised)) {
    const found = await columns(table)
    t.same(
      names.split(' ').filter(name => !found.includes(name)),
      [],
      `${table} has every column of the specification`,
    )
  }
  t.same(await sql('pragma journal_mode'), [{ journal_mode: 'wal' }])
})

t.test('the entities and the schema say the same', async t => {
  const { file } = await startStore(t)
  const orm = await MikroORM.init({ entities: [...SESSION_ENTITIES], dbName: file })
  t.teardown(() => orm.close(true))
  const differences = (await orm.schema.getUpdateSchemaSQL({ safe: true, wrap: false })).trim()
  t.equal(differences, '')
})

t.test('what was applied is there after closing and opening', async t => {
  const { store, folder, sql } = await startStore(t)
  const log = sessionLog()
  log.begin()
  log.record([log.queued('m1')])
  t.equal(store.appliedSequence(), 0)
  await store.apply(log.entries)
  t.equal(store.appliedSequence(), 6)
  t.equal(store.savedState(), undefined)
  await store.saveState(6, { queue: ['m1'] })
  t.same(store.savedState(), { sequence: 6, state: { queue: ['m1'] } })
  await store.close()
  const again = await openSessionStore(folder, 's1')
  t.teardown(() => again.close())
  t.equal(again.appliedSequence(), 6)
  t.same(again.savedState(), { sequence: 6, state: { queue: ['m1'] } })
  log.record([log.queued('m2')])
  await again.apply(log.entries)
  t.same(await sql('select id from messages order by queued_sequence'), [
    { id: 'm1' },
    { id: 'm2' },
  ])
})

t.test('applying the same records again changes nothing', async t => {
  const { store, sql } = await startStore(t)
  const log = sessionLog()
  log.begin()
  log.record([{ type: 'cost_added', cost: 0.5 }])
  await Promise.all([store.apply(log.entries), store.apply(log.entries)])
  await store.apply(log.entries.slice(1))
  await store.apply([])
  t.same(await sql('select total_cost from session'), [{ total_cost: 0.5 }])
})

t.test(
  'a batch that cannot be written leaves the file as it was, and the next one goes on',
  async t => {
    const { store, sql } = await startStore(t)
    const log = sessionLog()
    log.begin()
    await store.apply(log.entries)
    const impossible = log.record([
      { type: 'session_title_changed', title: 'lost' },
      log.queued('m1', { participantId: 'nobody' }),
    ])
    await t.rejects(store.apply([impossible]), 'a prompt of nobody')
    t.equal(store.appliedSequence(), 3)
    t.same(await sql('select title from session'), [{ title: null }])
    const next = log.record([{ type: 'session_status_changed', status: 'active' }])
    await store.apply([next])
    t.same(await sql('select title, status from session'), [{ title: null, status: 'active' }])
  },
)

t.test('a session id cannot leave the folder', async t => {
  const folder = temporaryFolder(t)
  for (const sid of ['../x', 'a/b', '', 'a.b']) {
    const code = await openSessionStore(folder, sid).then(() => 'opened', codeOf)
    t.equal(code, 'INVALID_TOKEN_TEXT', JSON.stringify(sid))
  }
})

t.test('destroy leaves nothing behind', async t => {
  const { store, file } = await startStore(t)
  await store.destroy()
  for (const suffix of ['', '-wal', '-shm']) t.notOk(existsSync(file + suffix))
})
