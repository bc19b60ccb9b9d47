/** What people do with a session as a whole: name it, put it away, bring it back, end it for good. */
import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { MAX_TITLE_CHARS } from '../limits.ts'
import { refused } from '../requests.ts'
import { unfinishedCount } from '../state.ts'
import { endSandbox, TERMINATED } from './end-sandbox.ts'
import { CANCELLED, CANCELLED_BEFORE, failRunning, STOPPED } from './finish.ts'
import { changeParticipant } from './participants.ts'
import { mustEndFirst } from './spawn-decision.ts'

const OK: Reply = { ok: true }

/** Names the session; no proposal ever replaces this. */
export const setTitle = (draft: Draft, command: CommandOf<'set_title'>): Reply => {
  const title = command.title.trim()
  if (title.length === 0 || title.length > MAX_TITLE_CHARS) {
    return refused('INVALID_REQUEST', `A title has 1 to ${MAX_TITLE_CHARS} characters`)
  }
  const { state } = draft
  if (title !== state.title || state.titleIsProvisional) {
    draft.add({ type: 'session_title_changed', title })
  }
  return OK
}

const endIfAlive = (draft: Draft, error: string, context: Context): void => {
  if (!mustEndFirst(draft.state)) return
  endSandbox(draft, { status: 'stopped', reason: TERMINATED, error }, context)
}

/** Archives it, whoever wants that: its sandbox ends, and it takes no prompts until it is brought back. */
export const putAway = (draft: Draft, context: Context): void => {
  draft.add({ type: 'session_status_changed', status: 'archived' })
  endIfAlive(draft, STOPPED, context)
}

export const archiveSession = (
  draft: Draft,
  _command: CommandOf<'archive_session'>,
  context: Context,
): Reply => {
  const { state } = draft
  if (state.status === 'archived') return OK
  if (state.status === 'cancelled') {
    return refused('SESSION_NOT_PROMPTABLE', 'Cannot archive a cancelled session')
  }
  if (unfinishedCount(state) > 0) return refused('SESSION_BUSY')
  putAway(draft, context)
  return OK
}

/** Brings it back. A sandbox is wanted with the next prompt only. */
export const unarchiveSession = (draft: Draft): Reply => {
  if (draft.state.status !== 'archived') return refused('NOT_ARCHIVED')
  draft.add({ type: 'session_status_changed', status: 'active' })
  return OK
}

/** Calls it off: whatever is unfinished fails, the sandbox ends, and nothing brings it back. */
export const cancelSession = (
  draft: Draft,
  _command: CommandOf<'cancel_session'>,
  context: Context,
): Reply => {
  const { status } = draft.state
  if (status === 'cancelled') return OK
  if (status !== 'created' && status !== 'active') {
    return refused('SESSION_NOT_CANCELLABLE', `Cannot cancel a session that is ${status}`)
  }
  failRunning(draft, CANCELLED, context)
  for (const { messageId } of draft.state.queue) {
    const finishedAtMs = context.nowMs
    draft.add({ type: 'prompt_dropped', messageId, error: CANCELLED_BEFORE, finishedAtMs })
  }
  draft.add({ type: 'session_status_changed', status: 'cancelled' })
  endIfAlive(draft, CANCELLED, context)
  return OK
}

/** Ends everything. What the session was is forgotten with this very event. */
export const deleteSession = (
  draft: Draft,
  { userId }: CommandOf<'delete_session'>,
  context: Context,
): Reply => {
  draft.add({ type: 'session_deleted', userId: userId ?? null, atMs: context.nowMs })
  return OK
}

/** Adds a participant, or changes what is known of one. */
export const addParticipant = (
  draft: Draft,
  { user, role }: CommandOf<'add_participant'>,
  context: Context,
): Reply => {
  const { participantId } = changeParticipant(draft, user, role ?? null, context)
  return { ok: true, participantId }
}
