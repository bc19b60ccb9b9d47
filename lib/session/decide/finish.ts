/** How a running prompt ends: by its sandbox's own word, or by ours. */
import type { Context } from '../decide.ts'
import { addLine, type Draft } from '../draft.ts'

/** Error texts that the original shows (spec 4.2). */
export const STOPPED = 'Execution was stopped'
export const CANCELLED = 'Execution was cancelled'
export const CANCELLED_BEFORE = 'Execution was cancelled before it started'
export const LOST = 'The sandbox lost the run when its connection dropped'
export const TIMED_OUT = 'Execution timed out (stuck processing)'

type Completion = Readonly<{ success: boolean; error?: string | null | undefined }>

/** Ends the running prompt. `event` is what people see of it. */
export const finishRunning = (
  draft: Draft,
  completion: Completion,
  event: { readonly type: string } & Record<string, unknown>,
  context: Context,
): void => {
  const { running } = draft.state
  if (!running) return
  const { messageId } = running
  const atMs = context.nowMs
  addLine(draft, { eventId: `execution_complete:${messageId}`, messageId, atMs, event })
  draft.add({
    type: 'prompt_finished',
    messageId,
    success: completion.success,
    error: completion.success ? null : (completion.error ?? null),
    finishedAtMs: atMs,
  })
}

/** Fails the running prompt with an `execution_complete` of our own. */
export const failRunning = (draft: Draft, error: string, context: Context): void => {
  const messageId = draft.state.running?.messageId
  const timestamp = context.nowMs / 1000
  const event = { type: 'execution_complete', messageId, success: false, error, timestamp }
  finishRunning(draft, { success: false, error }, event, context)
}

/**
 * Fails the running prompt and has its sandbox told to stop. Nothing is started before the sandbox
 * has confirmed that it let go, or its time to do so is over (spec 4.3).
 */
export const stopRunning = (
  draft: Draft,
  error: string,
  userId: string | null,
  context: Context,
): void => {
  const messageId = draft.state.running?.messageId
  if (messageId === undefined) return
  failRunning(draft, error, context)
  draft.add({ type: 'stop_requested', messageId, userId, requestedAtMs: context.nowMs })
}
