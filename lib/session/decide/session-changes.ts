/** What people do with a session as a whole: name it, put it away, bring it back, end it for good. */
import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { MAX_TITLE_CHARS } from '../limits.ts'
import { refused } from '../requests.ts'
import { type SessionState, unfinishedCount } from '../state.ts'
import { endSandbox, TERMINATED } from './end-sandbox.ts'
import { STOPPED } from './finish.ts'
import { changeParticipant } from './participants.ts'
import { mustEndFirst } from './spawn-decision.ts'

const OK: Reply = { ok: true }

/** Names the session; a sandbox's proposal never replaces this. */
export const setTitle = (draft: Draft, command: CommandOf<'set_title'>): Reply => {
  const title = command.title.trim()
  if (title.length === 0 || title.length > MAX_TITLE_CHARS) {
    return refused('INVALID_REQUEST', `A title has 1 to ${MAX_TITLE_CHARS} characters`)
  }
  if (title !== draft.state.title) draft.add({ type: 'session_title_changed', title })
  return OK
}

const takesPart = (state: SessionState, userId: string): boolean =>
  state.participants.some(one => one.userId === userId)

/** Puts the session away: its sandbox ends, and it takes no prompts until it is brought back. */
export const archiveSession = (
  draft: Draft,
  { userId }: CommandOf<'archive_session'>,
  context: Context,
): Reply => {
  const { state } = draft
  if (!takesPart(state, userId)) return refused('NOT_A_PARTICIPANT')
  if (state.status === 'archived') return OK
  if (state.status === 'cancelled') {
    return refused('SESSION_NOT_PROMPTABLE', 'Cannot archive a cancelled session')
  }
  if (unfinishedCount(state) > 0) return refused('SESSION_BUSY')
  draft.add({ type: 'session_status_changed', status: 'archived' })
  if (mustEndFirst(state)) {
    endSandbox(draft, { status: 'stopped', reason: TERMINATED, error: STOPPED }, context)
  }
  return OK
}

/** Brings it back. A sandbox is wanted with the next prompt only. */
export const unarchiveSession = (
  draft: Draft,
  { userId }: CommandOf<'unarchive_session'>,
): Reply => {
  const { state } = draft
  if (!takesPart(state, userId)) {
    return refused('NOT_A_PARTICIPANT', 'Not authorized to unarchive this session')
  }
  if (state.status !== 'archived') return refused('NOT_ARCHIVED')
  draft.add({ type: 'session_status_changed', status: 'active' })
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
