/**
 * The decider: the only place in the system where it is determined what a command means for a
 * session. Pure: no clock, no randomness, no I/O, and it never throws; the same command on the same
 * state decides the same, which is what makes a redelivery and a takeover harmless. It must not know
 * streams, sockets or processes. It cannot die; whoever calls it can, and calls it again.
 */
import type { SessionCommand } from '../../subjects/commands.ts'
import type { SessionEvent } from '../../subjects/records.ts'
import type { Reply } from '../../subjects/replies.ts'
import { advance } from './decide/advance.ts'
import { createSession } from './decide/create-session.ts'
import { deadline } from './decide/deadline.ts'
import { reportedTooLate } from './decide/orphans.ts'
import { prompt, refusePrompt } from './decide/prompt.ts'
import { cancelPullRequest, createPullRequest } from './decide/pull-request.ts'
import {
  gitPushed,
  pullRequestChanged,
  pullRequestFailed,
  pullRequestManual,
  pullRequestOpened,
} from './decide/pull-request-result.ts'
import { cancelPrompt, editPrompt, holdQueue, movePrompt, releaseQueue } from './decide/queue.ts'
import { sandboxEvents } from './decide/sandbox-events.ts'
import {
  promptDelivered,
  sandboxConnected,
  sandboxDelayed,
  sandboxDisconnected,
  sandboxEvict,
  sandboxExited,
  sandboxSpawned,
  sandboxSpawnFailed,
} from './decide/sandbox-lifecycle.ts'
import {
  addParticipant,
  archiveSession,
  cancelSession,
  deleteSession,
  setTitle,
  unarchiveSession,
} from './decide/session-changes.ts'
import { snapshotFailed, snapshotSaved } from './decide/snapshots.ts'
import { stop } from './decide/stop.ts'
import { warm } from './decide/warm.ts'
import { issueWsToken } from './decide/ws-token.ts'
import { type Draft, draftOf } from './draft.ts'
import type { Policy } from './policy.ts'
import { refused, repeatedReply, requestIdOf } from './requests.ts'
import { refusalOf } from './rights.ts'
import type { SessionState } from './state.ts'

/** What the owner has seen of a session's soft state, in memory. */
export type Observed = Readonly<{
  /** Since when it watches: nobody is declared dead because the owner changed. */
  sinceMs: number
  /** The newest heartbeat of the present generation, or null. */
  lastHeartbeatMs: number | null
  /** Authenticated client sockets on all edges. */
  clients: number
}>

/** Everything a decision may depend on besides state and command. */
export type Context = Readonly<{
  sid: string
  /** When the command was stored, in milliseconds since the epoch. */
  nowMs: number
  /** Sequence of the command in CMD; ids are derived from it. */
  commandSequence: number
  policy: Policy
  /** SHA-256 (hex) of the token that the sandbox of a generation will present. */
  sandboxTokenHash: (generation: number) => string
  observed: Observed
}>

export type Decision = Readonly<{
  events: readonly SessionEvent[]
  reply: Reply
  /**
   * Whether there must be a record. Without events there is one all the same when a request with a
   * name was accepted: its repetition must find it, and not hit what came after it.
   */
  recorded: boolean
}>

const answer = (draft: Draft, command: SessionCommand, context: Context): Reply => {
  switch (command.type) {
    case 'create_session':
      return createSession(draft, command, context)
    case 'prompt':
      return prompt(draft, command, context)
    case 'stop':
      return stop(draft, command, context)
    case 'cancel_prompt':
      return cancelPrompt(draft, command, context)
    case 'edit_prompt':
      return editPrompt(draft, command, context)
    case 'move_prompt':
      return movePrompt(draft, command, context)
    case 'hold_queue':
      return holdQueue(draft, command, context)
    case 'release_queue':
      return releaseQueue(draft, command, context)
    case 'set_title':
      return setTitle(draft, command)
    case 'archive_session':
      return archiveSession(draft, command, context)
    case 'unarchive_session':
      return unarchiveSession(draft)
    case 'cancel_session':
      return cancelSession(draft, command, context)
    case 'delete_session':
      return deleteSession(draft, command, context)
    case 'add_participant':
      return addParticipant(draft, command, context)
    case 'warm':
      return warm(draft, command, context)
    case 'issue_ws_token':
      return issueWsToken(draft, command, context)
    case 'sandbox_connected':
      return sandboxConnected(draft, command, context)
    case 'sandbox_disconnected':
      return sandboxDisconnected(draft, command, context)
    case 'sandbox_events':
      return sandboxEvents(draft, command, context)
    case 'prompt_delivered':
      return promptDelivered(draft, command)
    case 'sandbox_spawned':
      return sandboxSpawned(draft, command, context)
    case 'sandbox_delayed':
      return sandboxDelayed(draft, command, context)
    case 'sandbox_evict':
      return sandboxEvict(draft, command, context)
    case 'sandbox_spawn_failed':
      return sandboxSpawnFailed(draft, command, context)
    case 'sandbox_exited':
      return sandboxExited(draft, command, context)
    case 'sandbox_snapshot_saved':
      return snapshotSaved(draft, command, context)
    case 'sandbox_snapshot_failed':
      return snapshotFailed(draft, command, context)
    case 'create_pull_request':
      return createPullRequest(draft, command, context)
    case 'cancel_pull_request':
      return cancelPullRequest(draft, command, context)
    case 'pull_request_opened':
      return pullRequestOpened(draft, command, context)
    case 'pull_request_manual':
      return pullRequestManual(draft, command, context)
    case 'pull_request_failed':
      return pullRequestFailed(draft, command, context)
    case 'pull_request_changed':
      return pullRequestChanged(draft, command, context)
    case 'git_pushed':
      return gitPushed(draft, command)
    case 'deadline':
      return deadline(draft, command, context)
  }
}

const decisionOf = (draft: Draft, reply: Reply, isRequest: boolean): Decision => ({
  events: draft.events,
  reply,
  recorded: draft.events.length > 0 || (isRequest && reply.ok),
})

/** What followed may have changed the queue as well: who asked is told how it is now. */
const withVersion = (reply: Reply, { state }: Draft): Reply =>
  reply.ok && reply.version !== undefined ? { ...reply, version: state.queueVersion } : reply

/**
 * Decides what a command means. The reply is for whoever asked; the events, in order, are what
 * happened. A refused prompt is an event too, so that it is in the history.
 */
export const decide = (
  state: SessionState,
  command: SessionCommand,
  context: Context,
): Decision => {
  const draft = draftOf(state)
  const repeated = repeatedReply(state, command)
  if (!state.exists && (state.deleted || command.type !== 'create_session')) {
    if (state.deleted) reportedTooLate(draft, command, context)
    // Whoever deleted it and heard no answer asks again; to everybody else it is unknown.
    return decisionOf(draft, repeated ?? refused('SESSION_NOT_FOUND'), false)
  }
  if (repeated) {
    if (command.type === 'prompt') refusePrompt(draft, command, repeated)
    return decisionOf(draft, repeated, false)
  }
  // A deadline is due when it fires, even if the server's scheduler was a little early.
  const nowMs = command.type === 'deadline' ? Math.max(context.nowMs, command.atMs) : context.nowMs
  const at = { ...context, nowMs }
  const reply = refusalOf(state, command) ?? answer(draft, command, at)
  const asked = command.type === 'prompt' || command.type === 'release_queue'
  advance(draft, at, asked && reply.ok ? 'person' : 'queue')
  return decisionOf(draft, withVersion(reply, draft), requestIdOf(command) !== undefined)
}
