/** Records → one batch of rows. Pure but for the batch that it fills. */
import type { SessionEventOf, SessionEventType, SessionRecord } from '../../../subjects/records.ts'
import { artifactCreated, artifactUpdated } from './artifacts.ts'
import { type Batch, type Carried, newBatch } from './batch.ts'
import {
  promptCancelled,
  promptDropped,
  promptEdited,
  promptFinished,
  promptQueued,
  promptStarted,
  stopEnded,
  stopRequested,
} from './messages.ts'
import {
  participantJoined,
  participantUpdated,
  scmTokenStored,
  wsTokenIssued,
} from './participants.ts'
import {
  changeSandbox,
  sandboxConnected,
  sandboxObserved,
  sandboxRequested,
  sandboxSpawned,
  sandboxSpawnFailed,
  sandboxStatusChanged,
} from './sandbox.ts'
import { bridgeReady, changeSession, costAdded, sessionCreated, sessionTouched } from './session.ts'
import { timelineLine } from './timeline.ts'

/** A record and its number in the log. */
export type Entry = { readonly sequence: number; readonly record: SessionRecord }

/** What the rows become after these records, in the log's order. */
export const gather = (carried: Carried, entries: readonly Entry[]): Batch => {
  const batch = newBatch(carried)
  for (const entry of entries) {
    for (const event of entry.record.events) {
      ;(APPLY[event.type] as Apply<SessionEventType>)(batch, event, entry)
    }
    sessionTouched(batch, entry.record.summary)
  }
  return batch
}

type Apply<T extends SessionEventType> = (
  batch: Batch,
  event: SessionEventOf<T>,
  entry: Entry,
) => void

/** What the core or an edge must know, and no table tells. */
const nothing = (): void => {}

/** What each event does to the rows. An event that nobody has thought of does not compile. */
const APPLY: { readonly [T in SessionEventType]: Apply<T> } = {
  session_created: sessionCreated,
  session_status_changed: (batch, { status }) => changeSession(batch, { status }),
  session_deleted: nothing,
  session_title_changed: (batch, { title }) => changeSession(batch, { title }),
  session_sha_changed: (batch, { sha }) => changeSession(batch, { current_sha: sha }),
  cost_added: costAdded,

  participant_joined: participantJoined,
  participant_updated: participantUpdated,
  ws_token_issued: wsTokenIssued,
  scm_token_stored: scmTokenStored,

  prompt_queued: promptQueued,
  prompt_refused: nothing,
  prompt_cancelled: promptCancelled,
  prompt_edited: promptEdited,
  prompt_moved: nothing,
  queue_held: nothing,
  queue_released: nothing,
  prompt_started: promptStarted,
  prompt_announced: nothing,
  prompt_delivered: nothing,
  prompt_finished: promptFinished,
  prompt_dropped: promptDropped,
  stop_requested: stopRequested,
  stop_confirmed: stopEnded,
  stop_expired: stopEnded,

  sandbox_requested: sandboxRequested,
  sandbox_spawned: sandboxSpawned,
  sandbox_spawn_failed: sandboxSpawnFailed,
  sandbox_status_changed: sandboxStatusChanged,
  sandbox_connected: sandboxConnected,
  sandbox_disconnected: nothing,
  sandbox_ending: nothing,
  sandbox_orphaned: nothing,
  sandbox_shutdown: nothing,
  sandbox_bridge_ready: bridgeReady,
  sandbox_forgets: nothing,
  sandbox_progress: nothing,
  sandbox_observed: sandboxObserved,
  sandbox_activity: (batch, { atMs }) => changeSandbox(batch, { last_activity: atMs }),
  sandbox_git_sync: (batch, { status }) => changeSandbox(batch, { git_sync_status: status }),
  sandbox_retry_planned: nothing,
  snapshot_started: nothing,
  snapshot_saved: (batch, { imageId }) => changeSandbox(batch, { snapshot_image_id: imageId }),
  snapshot_expired: nothing,
  snapshot_failed: nothing,
  sandbox_spawning: nothing,
  sandbox_warming: nothing,
  sandbox_error: nothing,
  sandbox_warning: nothing,
  sandbox_restored: nothing,

  timeline: timelineLine,
  artifact_created: artifactCreated,
  artifact_updated: artifactUpdated,

  session_branch_changed: (batch, { branchName }) =>
    changeSession(batch, { branch_name: branchName }),
  pull_request_requested: nothing,
  push_requested: nothing,
  push_finished: nothing,
  pull_request_opening: nothing,
  pull_request_settled: nothing,
  pull_request_tracked: nothing,
}
