/**
 * Changes of what waits, by people (spec 4.3). The queue is theirs together: who changes its order or
 * a text says which version of the queue they saw, and a stale one is refused, so that nobody
 * overwrites what they have not seen. The running prompt is out of reach, except for a stop.
 */
import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import { addLine, type Draft } from '../draft.ts'
import { derivedId } from '../ids.ts'
import { displayName } from '../people.ts'
import { refused } from '../requests.ts'
import { isClosed, type QueuedMessage, type SessionState } from '../state.ts'
import { participantFor } from './participants.ts'
import { objectionToContent } from './prompt.ts'

type Action = 'cancelled' | 'edited' | 'moved' | 'held' | 'released'

/** Accepted; the version is brought up to date once everything that follows is decided. */
const done = ({ state }: Draft): Reply => ({ ok: true, version: state.queueVersion })

const waiting = (state: SessionState, messageId: string): QueuedMessage | undefined =>
  state.queue.find(one => one.messageId === messageId)

/** Every change is in the history, with who made it; who makes one takes part. */
const tell = (
  draft: Draft,
  change: { readonly action: Action; readonly userId: string; readonly messageId: string | null },
  context: Context,
): void => {
  const { action, userId, messageId } = change
  const by = participantFor(draft, { userId }, 'member', context)
  addLine(draft, {
    eventId: derivedId(context, 'queue_change'),
    messageId,
    atMs: context.nowMs,
    event: {
      type: 'queue_change',
      action,
      ...(messageId !== null && { messageId }),
      by: { userId, name: displayName(by) },
      timestamp: context.nowMs / 1000,
    },
  })
}

const staleVersion = (state: SessionState): Reply => ({
  ...refused('QUEUE_VERSION_CONFLICT'),
  version: state.queueVersion,
})

/** Takes a prompt out: one that waits, that came from the web, and for whose end no bot waits. */
export const cancelPrompt = (
  draft: Draft,
  command: CommandOf<'cancel_prompt'>,
  context: Context,
): Reply => {
  const { messageId, userId } = command
  const message = waiting(draft.state, messageId)
  if (!message) return refused('PROMPT_NOT_CANCELLABLE')
  if (message.source !== 'web' || message.callbackContext !== null) {
    return refused('PROMPT_NOT_CANCELLABLE', 'Only prompts from the web can be cancelled')
  }
  draft.add({ type: 'prompt_cancelled', messageId, userId, atMs: context.nowMs })
  tell(draft, { action: 'cancelled', userId, messageId }, context)
  return done(draft)
}

/** Replaces the text of a prompt that waits. */
export const editPrompt = (
  draft: Draft,
  command: CommandOf<'edit_prompt'>,
  context: Context,
): Reply => {
  const { messageId, content, userId, version } = command
  const message = waiting(draft.state, messageId)
  if (!message) return refused('PROMPT_NOT_EDITABLE')
  if (version !== draft.state.queueVersion) return staleVersion(draft.state)
  const objection = objectionToContent({ ...message, content }, context.policy)
  if (objection) return refused(...objection)
  if (content === message.content) return done(draft)
  draft.add({ type: 'prompt_edited', messageId, content, userId, atMs: context.nowMs })
  tell(draft, { action: 'edited', userId, messageId }, context)
  return done(draft)
}

/** True when the prompt stands there already. */
const isInPlace = ({ queue }: SessionState, messageId: string, before: string | null): boolean => {
  const next = queue[queue.findIndex(one => one.messageId === messageId) + 1]
  return before === messageId || (next?.messageId ?? null) === before
}

/** Puts a prompt that waits before another one that waits, or at the end. */
export const movePrompt = (
  draft: Draft,
  command: CommandOf<'move_prompt'>,
  context: Context,
): Reply => {
  const { messageId, before, userId, version } = command
  if (!waiting(draft.state, messageId)) return refused('PROMPT_NOT_EDITABLE')
  if (version !== draft.state.queueVersion) return staleVersion(draft.state)
  if (before !== null && !waiting(draft.state, before)) return refused('PROMPT_NOT_FOUND')
  if (isInPlace(draft.state, messageId, before)) return done(draft)
  draft.add({ type: 'prompt_moved', messageId, before, userId, atMs: context.nowMs })
  tell(draft, { action: 'moved', userId, messageId }, context)
  return done(draft)
}

/** Starts nothing more until released; a queue that is held already stays so. */
export const holdQueue = (
  draft: Draft,
  { userId }: CommandOf<'hold_queue'>,
  context: Context,
): Reply => {
  if (isClosed(draft.state)) return refused('SESSION_NOT_PROMPTABLE')
  if (draft.state.held) return done(draft)
  draft.add({ type: 'queue_held', userId, atMs: context.nowMs })
  tell(draft, { action: 'held', userId, messageId: null }, context)
  return done(draft)
}

/** Lets the queue go on: what waits is started as if it had just come. */
export const releaseQueue = (
  draft: Draft,
  { userId }: CommandOf<'release_queue'>,
  context: Context,
): Reply => {
  if (!draft.state.held) return done(draft)
  draft.add({ type: 'queue_released', userId, atMs: context.nowMs })
  tell(draft, { action: 'released', userId, messageId: null }, context)
  return done(draft)
}
