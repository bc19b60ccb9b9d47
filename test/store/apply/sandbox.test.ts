import t from 'tap'
import type { SessionEvent } from '../../../subjects/records.ts'
import { sessionLog, T0 } from '../../fixtures/records.ts'
import { startStore } from '../../fixtures/store.ts'

const requested = (generation: number, atMs: number): SessionEvent => ({
  type: 'sandbox_requested',
  generation,
  sandboxId: `sandbox-${generation}`,
  tokenHash: `hash-${generation}`,
  snapshotImageId: null,
  requestedAtMs: atMs,
})
const failed = (counts: boolean, atMs: number): SessionEvent => ({
  type: 'sandbox_spawn_failed',
  generation: 1,
  error: `error at ${atMs}`,
  counts,
  failedAtMs: atMs,
})

t.test('the sandbox’s row follows its events', async t => {
  const { store, sql } = await startStore(t)
  const log = sessionLog()
  log.begin()
  await store.apply(log.entries)
  const after = async (...events: SessionEvent[]) => {
    await store.apply([log.record(events)])
    return (await sql('select * from sandbox'))[0]
  }

  t.match(
    await after(requested(1, 10), {
      type: 'sandbox_status_changed',
      status: 'spawning',
      reason: null,
    }),
    {
      generation: 1,
      modal_sandbox_id: 'sandbox-1',
      auth_token: 'hash-1',
      status: 'spawning',
      created_at: 10,
      last_heartbeat: null,
    },
  )
  t.match(await after(failed(true, 11), failed(true, 12), failed(false, 13)), {
    spawn_failure_count: 2,
    last_spawn_failure: 12,
    last_spawn_error: 'error at 13',
    last_spawn_error_at: 13,
  })
  t.match(await after({ type: 'sandbox_spawned', generation: 1, objectId: 'o1', host: 'h' }), {
    modal_object_id: 'o1',
  })
  t.match(
    await after({
      type: 'sandbox_connected',
      generation: 1,
      connectionId: 'c1',
      dedupes: true,
      connectedAtMs: 20,
    }),
    {
      last_heartbeat: 20,
      last_activity: 20,
      spawn_failure_count: 0,
      last_spawn_failure: null,
      last_spawn_error: null,
      last_spawn_error_at: null,
    },
    'a bridge that connects ends the story of failed starts',
  )
  t.match(
    await after(
      { type: 'sandbox_observed', lastHeartbeatMs: 30, inactivityCheckMs: null },
      { type: 'sandbox_observed', lastHeartbeatMs: null, inactivityCheckMs: 99 },
      { type: 'sandbox_activity', atMs: 31 },
      { type: 'sandbox_git_sync', status: 'completed', sha: null },
    ),
    { last_heartbeat: 30, last_activity: 31, git_sync_status: 'completed' },
  )
  t.match(await after({ type: 'sandbox_status_changed', status: 'stale', reason: 'silent' }), {
    status: 'stale',
    last_spawn_error: 'silent',
    last_spawn_error_at: T0 + log.entries.length - 1,
  })
  t.match(
    await after(requested(2, 40), {
      type: 'sandbox_spawned',
      generation: 1,
      objectId: 'late',
      host: 'h',
    }),
    {
      generation: 2,
      modal_sandbox_id: 'sandbox-2',
      modal_object_id: null,
      auth_token: 'hash-2',
      status: 'pending',
      git_sync_status: 'pending',
      last_heartbeat: null,
      last_activity: null,
      last_spawn_error: 'silent',
    },
    'nothing of the old one’s life is inherited, and its late answer is not the new one’s',
  )
})
