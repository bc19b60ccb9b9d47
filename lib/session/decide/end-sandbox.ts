/** The ways in which a sandbox ends or fails to begin. */
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { BEFORE_END, BEFORE_IDLE_STOP, WHEN_SILENT } from '../limits.ts'
import { isBeingKept } from '../state.ts'
import { failRunning } from './finish.ts'
import { takeSnapshot } from './snapshots.ts'

/** Reasons of the close frame (spec 2.2). */
export const INACTIVITY = 'Inactivity timeout'
export const EVICTED = 'Place needed'
export const STALE = 'Heartbeat stale'
export const TERMINATED = 'Sandbox terminated'
export const STOP_UNCONFIRMED = 'Stop confirmation timed out'

/** Of a sandbox at rest that people would else find gone without a word. */
const WHY_STOPPED: Readonly<Record<string, string>> = {
  [INACTIVITY]: 'for inactivity',
  [EVICTED]: 'because a prompt of another session needs its place',
}

/** What became of the image that an end waited for; null when it waited for none. */
type Image = Readonly<{ stored: true } | { stored: false; error: string }> | null

/** What ran on it is over, and what it had yet to let go of it has let go of by ending. */
const releaseWork = (draft: Draft, error: string, context: Context): void => {
  failRunning(draft, error, context)
  const { stopping } = draft.state
  if (stopping) draft.add({ type: 'stop_confirmed', messageId: stopping.messageId })
}

/** Tells the present sandbox to exit, and its provider to end it. */
export const shutDown = (draft: Draft, reason: string): void =>
  draft.add({ type: 'sandbox_shutdown', generation: draft.state.sandbox.generation, reason })

/** Shuts it down, and tells people what they would miss otherwise. */
const letGo = (draft: Draft, reason: string, image: Image): void => {
  shutDown(draft, reason)
  const lost = image && !image.stored ? `; its latest work could not be stored: ${image.error}` : ''
  const why = WHY_STOPPED[reason]
  if (why) {
    const kept = image?.stored ? '; its work is stored' : lost
    draft.add({ type: 'sandbox_warning', message: `The sandbox was stopped ${why}${kept}` })
  } else if (lost) {
    draft.add({ type: 'sandbox_warning', message: `The sandbox has ended${lost}` })
  }
}

const keepLast = (draft: Draft, reason: string, context: Context): boolean => {
  const wanted =
    reason === INACTIVITY
      ? BEFORE_IDLE_STOP
      : draft.state.sandbox.status === 'stale'
        ? WHEN_SILENT
        : BEFORE_END
  takeSnapshot(draft, wanted, context)
  return isBeingKept(draft.state.sandbox)
}

/** Goes on with an end that waited for an image, unless a further one is taken first. */
export const goOnEnding = (draft: Draft, image: Image, context: Context): void => {
  const { ending } = draft.state.sandbox
  if (ending !== null && !keepLast(draft, ending, context)) letGo(draft, ending, image)
}

/**
 * Ends the present sandbox: from now on it may not come back. It is shut down once what it has done is
 * stored, or cannot be. `error` is why its prompt failed.
 */
export const endSandbox = (
  draft: Draft,
  end: { readonly status: 'stale' | 'stopped'; readonly reason: string; readonly error: string },
  context: Context,
): void => {
  const { status, reason } = end
  releaseWork(draft, end.error, context)
  // The status comes first, because it is what refuses a reconnect.
  draft.add({ type: 'sandbox_status_changed', status, reason })
  if (keepLast(draft, reason, context)) {
    const { generation } = draft.state.sandbox
    draft.add({ type: 'sandbox_ending', generation, reason })
  } else {
    letGo(draft, reason, null)
  }
}

/** The present sandbox is over by itself; there is nothing left to tell it. */
export const sandboxIsGone = (
  draft: Draft,
  end: { readonly status: 'stale' | 'stopped'; readonly reason: string },
  context: Context,
): void => {
  releaseWork(draft, end.reason, context)
  draft.add({ type: 'sandbox_status_changed', ...end })
}

/** The present sandbox could not start. Failures that count open the breaker. */
export const spawnFailed = (
  draft: Draft,
  failure: { readonly error: string; readonly counts: boolean },
  context: Context,
): void => {
  const { error, counts } = failure
  const { generation } = draft.state.sandbox
  draft.add(
    { type: 'sandbox_spawn_failed', generation, error, counts, failedAtMs: context.nowMs },
    { type: 'sandbox_status_changed', status: 'failed', reason: error },
    { type: 'sandbox_error', error },
  )
}

/** The connect watchdog: it never connected, which counts, and it is not left running. */
export const connectTimedOut = (draft: Draft, context: Context): void => {
  const seconds = Math.round(context.policy.connectTimeoutMs / 1000)
  const error = `The sandbox did not connect within ${seconds} seconds`
  spawnFailed(draft, { error, counts: true }, context)
  shutDown(draft, TERMINATED)
}
