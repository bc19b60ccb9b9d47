import t from 'tap'
import { sessionLog, T0 } from '../../fixtures/records.ts'
import { startStore } from '../../fixtures/store.ts'

t.test('the session’s row follows its events', async t => {
  const { store, sql } = await startStore(t)
  const log = sessionLog()
  log.record([log.created({ title: 'A', reasoningEffort: 'low', baseBranch: 'dev' })])
  await store.apply(log.entries)
  t.same(await sql('select * from session'), [
    {
      id: 's1',
      session_name: 's1',
      title: 'A',
      repo_owner: 'demo',
      repo_name: 'hello',
      repo_default_branch: 'dev',
      branch_name: null,
      base_sha: null,
      current_sha: null,
      opencode_session_id: null,
      model: 'a/b',
      reasoning_effort: 'low',
      status: 'created',
      total_cost: 0,
      created_at: T0,
      updated_at: T0,
    },
  ])
  t.same(await sql('select id, status, created_at, generation, auth_token from sandbox'), [
    { id: 's1', status: 'pending', created_at: 0, generation: 0, auth_token: null },
  ])
  await store.apply([
    log.record([{ type: 'session_title_changed', title: 'B' }]),
    log.record([
      { type: 'session_status_changed', status: 'active' },
      { type: 'cost_added', cost: 0.1 },
      { type: 'cost_added', cost: 0.2 },
    ]),
    log.record([
      { type: 'session_sha_changed', sha: 'abc' },
      { type: 'sandbox_bridge_ready', generation: 1, agentSessionId: 'g', dedupes: true },
    ]),
    log.record([
      { type: 'sandbox_bridge_ready', generation: 1, agentSessionId: null, dedupes: true },
    ]),
  ])
  t.match((await sql('select * from session'))[0], {
    title: 'B',
    status: 'active',
    total_cost: 0.1 + 0.2,
    current_sha: 'abc',
    opencode_session_id: 'g',
    updated_at: T0 + 4,
  })
})
