/** Events about the sandbox → the row of `sandbox`. */
import type { SessionEventOf, SessionRecord } from '../../../subjects/records.ts'
import type { SandboxRow } from '../entities/sandbox.ts'
import type { Batch } from './batch.ts'

/** Before the first spawn. `created_at` 0, so that no cooldown slows that one down. */
export const emptySandbox = (sid: string): SandboxRow => ({
  id: sid,
  generation: 0,
  modal_sandbox_id: null,
  modal_object_id: null,
  snapshot_id: null,
  snapshot_image_id: null,
  auth_token: null,
  status: 'pending',
  git_sync_status: 'pending',
  last_heartbeat: null,
  last_activity: null,
  created_at: 0,
  spawn_failure_count: 0,
  last_spawn_failure: null,
  last_spawn_error: null,
  last_spawn_error_at: null,
})

export const changeSandbox = (batch: Batch, change: Partial<SandboxRow>): void => {
  if (batch.sandbox) batch.sandbox = { ...batch.sandbox, ...change }
}

/** A new generation: nothing of the old one's life stays, what failed before stays known. */
export const sandboxRequested = (batch: Batch, event: SessionEventOf<'sandbox_requested'>): void =>
  changeSandbox(batch, {
    generation: event.generation,
    modal_sandbox_id: event.sandboxId,
    modal_object_id: null,
    snapshot_image_id: event.snapshotImageId ?? batch.sandbox?.snapshot_image_id ?? null,
    auth_token: event.tokenHash,
    status: 'pending',
    git_sync_status: 'pending',
    last_heartbeat: null,
    last_activity: null,
    created_at: event.requestedAtMs,
  })

/** The provider may also answer for the sandbox before, which is none of this row's business. */
export const sandboxSpawned = (batch: Batch, event: SessionEventOf<'sandbox_spawned'>): void => {
  if (event.generation === batch.sandbox?.generation) {
    changeSandbox(batch, { modal_object_id: event.objectId })
  }
}

/** A sandbox that was lost leaves its reason where a failed start leaves its own. */
export const sandboxStatusChanged = (
  batch: Batch,
  event: SessionEventOf<'sandbox_status_changed'>,
  { record }: { record: SessionRecord },
): void => {
  changeSandbox(batch, { status: event.status })
  const lost = event.status === 'failed' || event.status === 'stale'
  if (lost && event.reason !== null) {
    changeSandbox(batch, { last_spawn_error: event.reason, last_spawn_error_at: record.atMs })
  }
}

export const sandboxSpawnFailed = (
  batch: Batch,
  event: SessionEventOf<'sandbox_spawn_failed'>,
): void => {
  changeSandbox(batch, { last_spawn_error: event.error, last_spawn_error_at: event.failedAtMs })
  if (!event.counts) return
  changeSandbox(batch, {
    spawn_failure_count: (batch.sandbox?.spawn_failure_count ?? 0) + 1,
    last_spawn_failure: event.failedAtMs,
  })
}

/** A bridge that connects is a sign of life, and ends every story of failed starts. */
export const sandboxConnected = (batch: Batch, event: SessionEventOf<'sandbox_connected'>): void =>
  changeSandbox(batch, {
    last_heartbeat: event.connectedAtMs,
    last_activity: event.connectedAtMs,
    spawn_failure_count: 0,
    last_spawn_failure: null,
    last_spawn_error: null,
    last_spawn_error_at: null,
  })

/** A null says that nothing was heard, not that an earlier sign of life was none. */
export const sandboxObserved = (batch: Batch, event: SessionEventOf<'sandbox_observed'>): void => {
  if (event.lastHeartbeatMs !== null) {
    changeSandbox(batch, { last_heartbeat: event.lastHeartbeatMs })
  }
}
