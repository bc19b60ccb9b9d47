/** Records → one batch of rows. Pure but for the batch that it fills. */
import type { SessionEvent, SessionRecord } from '../../../subjects/records.ts'
import { artifactCreated } from './artifacts.ts'
import { type Batch, type Carried, newBatch } from './batch.ts'
import {
  promptFinished,
  promptQueued,
  promptStarted,
  stopEnded,
  stopRequested,
} from './messages.ts'
import { participantJoined, participantUpdated, wsTokenIssued } from './participants.ts'
import {
  changeSandbox,
  sandboxConnected,
  sandboxObserved,
  sandboxRequested,
  sandboxSpawned,
  sandboxSpawnFailed,
  sandboxStatusChanged,
} from './sandbox.ts'
import { changeSession, costAdded, sessionCreated, sessionTouched } from './session.ts'
import { timelineLine } from './timeline.ts'

/** A record and its number in the log. */
export type Entry = { readonly sequence: number; readonly record: SessionRecord }

/** What the rows become after these records, in the log's order. */
export const gather = (carried: Carried, entries: readonly Entry[]): Batch => {
  const batch = newBatch(carried)
  for (const entry of entries) {
    for (const event of entry.record.events) addEvent(batch, event, entry)
    sessionTouched(batch, entry.record.summary)
  }
  return batch
}

/** No `default`: an event that nobody has thought of does not compile. */
const addEvent = (batch: Batch, event: SessionEvent, entry: Entry): void => {
  switch (event.type) {
    case 'session_created':
      return sessionCreated(batch, event)
    case 'session_status_changed':
      return changeSession(batch, { status: event.status })
    case 'session_title_changed':
      return changeSession(batch, { title: event.title })
    case 'session_sha_changed':
      return changeSession(batch, { current_sha: event.sha })
    case 'cost_added':
      return costAdded(batch, event)
    case 'participant_joined':
      return participantJoined(batch, event)
    case 'participant_updated':
      return participantUpdated(batch, event)
    case 'ws_token_issued':
      return wsTokenIssued(batch, event)
    case 'prompt_queued':
      return promptQueued(batch, event, entry)
    case 'prompt_started':
      return promptStarted(batch, event)
    case 'prompt_finished':
      return promptFinished(batch, event)
    case 'stop_requested':
      return stopRequested(batch, event, entry.record)
    case 'stop_confirmed':
    case 'stop_expired':
      return stopEnded(batch, event)
    case 'sandbox_requested':
      return sandboxRequested(batch, event)
    case 'sandbox_spawned':
      return sandboxSpawned(batch, event)
    case 'sandbox_spawn_failed':
      return sandboxSpawnFailed(batch, event)
    case 'sandbox_status_changed':
      return sandboxStatusChanged(batch, event, entry.record)
    case 'sandbox_connected':
      return sandboxConnected(batch, event)
    case 'sandbox_bridge_ready':
      return event.agentSessionId === null
        ? undefined
        : changeSession(batch, { opencode_session_id: event.agentSessionId })
    case 'sandbox_observed':
      return sandboxObserved(batch, event)
    case 'sandbox_activity':
      return changeSandbox(batch, { last_activity: event.atMs })
    case 'sandbox_git_sync':
      return changeSandbox(batch, { git_sync_status: event.status })
    case 'timeline':
      return timelineLine(batch, event)
    case 'artifact_created':
      return artifactCreated(batch, event)
    // What the core or an edge must know, and no table tells.
    case 'prompt_refused':
    case 'prompt_announced':
    case 'prompt_delivered':
    case 'sandbox_disconnected':
    case 'sandbox_shutdown':
    case 'sandbox_progress':
    case 'sandbox_retry_planned':
    case 'sandbox_spawning':
    case 'sandbox_warming':
    case 'sandbox_error':
    case 'sandbox_warning':
    case 'sandbox_restored':
      return
  }
}
