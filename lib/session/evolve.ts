/**
 * Applies one event to the state. Total and unconditional: whether an event may happen was decided
 * before it was written, so nothing is refused here and no event of a record is ever lost.
 */
import type { SessionEvent } from '../../subjects/records.ts'
import { evolvePeople } from './evolve/people.ts'
import { evolveSandbox } from './evolve/sandbox.ts'
import { evolveWork } from './evolve/work.ts'
import { REMEMBERED_FAILURES } from './limits.ts'
import { withPosition, withSeal } from './lines.ts'
import { evolvePullRequests } from './pull-requests.ts'
import { initialState, type SessionState } from './state.ts'

/** The state after `event`. Pure; shares everything that did not change. */
export const evolve = (state: SessionState, event: SessionEvent): SessionState => {
  switch (event.type) {
    case 'session_created':
      return {
        ...state,
        exists: true,
        id: event.sessionId,
        title: event.title,
        repoOwner: event.repoOwner,
        repoName: event.repoName,
        baseBranch: event.baseBranch,
        model: event.model,
        reasoningEffort: event.reasoningEffort,
        status: 'created',
        createdAtMs: event.createdAtMs,
      }
    case 'session_status_changed':
      return { ...state, status: event.status }
    case 'session_deleted':
      return { ...initialState, deleted: true }
    case 'session_title_changed':
      return { ...state, title: event.title, titleIsProvisional: event.provisional === true }
    case 'session_sha_changed':
      return { ...state, currentSha: event.sha }
    case 'cost_added':
      return { ...state, totalCost: state.totalCost + event.cost }

    case 'participant_joined':
    case 'participant_updated':
    case 'ws_token_issued':
    case 'scm_token_stored':
      return { ...state, participants: evolvePeople(state.participants, event) }

    case 'prompt_queued':
    case 'prompt_started':
    case 'prompt_announced':
    case 'prompt_delivered':
    case 'prompt_finished':
    case 'prompt_dropped':
    case 'stop_requested':
    case 'stop_confirmed':
    case 'stop_expired':
    case 'prompt_cancelled':
    case 'prompt_edited':
    case 'prompt_moved':
    case 'queue_held':
    case 'queue_released':
      return evolveWork(state, event)

    case 'sandbox_connected':
      return {
        ...state,
        sandbox: evolveSandbox(state.sandbox, event),
        // A new connection is told of an unconfirmed prompt at once, so counting begins again.
        running: state.running && { ...state.running, attempt: 0 },
        spawnError: null,
        spawnFailuresMs: [],
        restoresTried: 0,
      }
    case 'sandbox_spawn_failed':
      return event.counts
        ? {
            ...state,
            spawnError: event.error,
            spawnFailuresMs: [...state.spawnFailuresMs, event.failedAtMs].slice(
              -REMEMBERED_FAILURES,
            ),
          }
        : { ...state, spawnError: event.error }
    case 'sandbox_status_changed': {
      const lost = event.status === 'failed' || event.status === 'stale'
      return {
        ...state,
        sandbox: evolveSandbox(state.sandbox, event),
        spawnError: lost ? (event.reason ?? state.spawnError) : state.spawnError,
      }
    }
    case 'sandbox_bridge_ready':
      return {
        ...state,
        sandbox: evolveSandbox(state.sandbox, event),
        agentSessionId: event.agentSessionId ?? state.agentSessionId,
      }
    case 'sandbox_requested':
      return {
        ...state,
        sandbox: evolveSandbox(state.sandbox, event),
        restoresTried: event.snapshotImageId === null ? 0 : state.restoresTried + 1,
      }
    case 'snapshot_saved':
      return {
        ...state,
        sandbox: evolveSandbox(state.sandbox, event),
        snapshotImageId: event.imageId,
      }
    case 'sandbox_spawned':
    case 'sandbox_disconnected':
    case 'sandbox_forgets':
    case 'sandbox_progress':
    case 'sandbox_observed':
    case 'sandbox_activity':
    case 'sandbox_git_sync':
    case 'sandbox_ending':
    case 'sandbox_shutdown':
    case 'snapshot_started':
    case 'snapshot_expired':
    case 'snapshot_failed':
      return { ...state, sandbox: evolveSandbox(state.sandbox, event) }
    case 'sandbox_warming':
      return { ...state, warmedAtMs: event.atMs }

    case 'timeline': {
      const lines = withPosition(state.lines, event.eventId, event.position)
      const seals = event.event.type === 'context_compacted' && event.messageId !== null
      return {
        ...state,
        sequence: event.sequence,
        lines: seals ? withSeal(lines, event.messageId as string) : lines,
      }
    }

    case 'session_branch_changed':
      return { ...state, branchName: event.branchName }
    case 'pull_request_requested':
    case 'push_requested':
    case 'push_finished':
    case 'pull_request_opening':
    case 'pull_request_settled':
    case 'pull_request_tracked':
      return { ...state, pullRequests: evolvePullRequests(state.pullRequests, event) }

    // For readers only.
    case 'prompt_refused':
    case 'sandbox_orphaned':
    case 'sandbox_retry_planned':
    case 'sandbox_spawning':
    case 'sandbox_error':
    case 'sandbox_warning':
    case 'sandbox_restored':
    case 'artifact_created':
    case 'artifact_updated':
      return state
  }
}
