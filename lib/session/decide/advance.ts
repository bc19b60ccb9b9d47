/**
 * What follows every decision, whatever it was. It stands here alone, so that no path can forget to
 * start the next prompt or to say how the session stands.
 */
import type { SessionStatus } from '../../../subjects/records.ts'
import type { Context } from '../decide.ts'
import { addLine, type Draft } from '../draft.ts'
import { AFTER_WORK } from '../limits.ts'
import { shownPerson } from '../people.ts'
import {
  isBeingKept,
  isClosed,
  isConnected,
  isLive,
  type Participant,
  type QueuedMessage,
  unfinishedCount,
} from '../state.ts'
import { letGoOfPush } from './pull-request-push.ts'
import { takeSnapshot } from './snapshots.ts'
import type { Asked } from './spawn-decision.ts'
import { wantSandbox } from './want-sandbox.ts'

/**
 * Spec 4.1: active while anything is unfinished, then the outcome of the last that ran, or as at the
 * beginning if none ever did. Who brings a session back from the archive finds it active: it becomes
 * idle with the end of a prompt only.
 */
const dueStatus = ({ state, events }: Draft): SessionStatus => {
  if (isClosed(state)) return state.status
  if (unfinishedCount(state) > 0) return 'active'
  const ended = events.some(
    event => event.type === 'prompt_finished' || event.type === 'prompt_cancelled',
  )
  return ended ? (state.lastOutcome ?? 'created') : state.status
}

const start = (draft: Draft, message: QueuedMessage, context: Context): void => {
  const { state } = draft
  const { messageId, content, attachments } = message
  const author = state.participants.find(
    one => one.participantId === message.participantId,
  ) as Participant
  const { participantId, userId, login, name, email, githubUserId } = author
  draft.add({
    type: 'prompt_started',
    messageId,
    generation: state.sandbox.generation,
    content,
    model: message.model ?? state.model,
    reasoningEffort: message.reasoningEffort ?? state.reasoningEffort,
    attachments,
    author: { participantId, userId, login, name, email, githubUserId },
    startedAtMs: context.nowMs,
  })
  addLine(draft, {
    eventId: `user_message:${messageId}`,
    messageId,
    atMs: context.nowMs,
    event: {
      type: 'user_message',
      content,
      messageId,
      // Seconds, like everything inside a sandbox event.
      timestamp: context.nowMs / 1000,
      author: shownPerson(author),
      ...(attachments && { attachments }),
    },
  })
}

/** Moves the queue forward whenever nothing runs and something waits. */
const moveQueue = (draft: Draft, context: Context, asked: Asked): void => {
  const { queue, held, running, stopping, sandbox } = draft.state
  const next = queue[0]
  if (!next || held || running || stopping || isClosed(draft.state)) return
  if (isBeingKept(sandbox) && isLive(sandbox)) return
  if (isConnected(sandbox)) start(draft, next, context)
  else wantSandbox(draft, context, asked)
}

/** The queue has run empty: what was done is kept, in case the sandbox is lost. */
const keepWork = (draft: Draft, context: Context): void => {
  const { running, stopping, queue, sandbox } = draft.state
  const ended = draft.events.some(
    event => event.type === 'prompt_finished' || event.type === 'stop_confirmed',
  )
  if (!ended || running || stopping || queue.length > 0 || !isConnected(sandbox)) return
  takeSnapshot(draft, AFTER_WORK, context)
}

/** Brings the session's status up to date, then the queue. */
export const advance = (draft: Draft, context: Context, asked: Asked): void => {
  if (!draft.state.exists) return
  const status = dueStatus(draft)
  if (status !== draft.state.status) draft.add({ type: 'session_status_changed', status })
  moveQueue(draft, context, asked)
  keepWork(draft, context)
  // Last: the queue may have asked for another sandbox.
  letGoOfPush(draft, context)
}
