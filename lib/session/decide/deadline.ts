/** What happens when a deadline passes that the state still has. */
import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import { type DeadlineName, deadlines } from '../deadlines.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { connectTimedOut, endSandbox, INACTIVITY, STALE, STOP_UNCONFIRMED } from './end-sandbox.ts'
import { STOPPED, stopRunning, TIMED_OUT } from './finish.ts'
import { pullRequestExpired } from './pull-request-push.ts'
import { putAway } from './session-changes.ts'
import { snapshotExpired } from './snapshots.ts'

/** A deadline that the state has, exactly so; undefined for one that was overtaken. */
const currentDeadline = (
  draft: Draft,
  command: CommandOf<'deadline'>,
  context: Context,
): DeadlineName | undefined =>
  deadlines(draft.state, context.policy).find(
    one => one.name === command.name && one.atMs === command.atMs,
  )?.name as DeadlineName | undefined

const stopExpired = (draft: Draft, context: Context): void => {
  const messageId = draft.state.stopping?.messageId
  if (messageId === undefined) return
  draft.add({ type: 'stop_expired', messageId })
  endSandbox(draft, { status: 'stale', reason: STOP_UNCONFIRMED, error: STOPPED }, context)
}

/** The latest time at which the sandbox is known, or must be given credit, to have lived. */
const lastSignMs = (draft: Draft, { observed }: Context): number => {
  const { lastHeartbeatMs, connectedAtMs } = draft.state.sandbox
  return Math.max(
    lastHeartbeatMs ?? 0,
    connectedAtMs ?? 0,
    observed.lastHeartbeatMs ?? 0,
    observed.sinceMs,
  )
}

const lookForHeartbeat = (draft: Draft, context: Context): void => {
  const lastHeartbeatMs = lastSignMs(draft, context)
  if (context.nowMs - lastHeartbeatMs > context.policy.heartbeatStaleMs) {
    endSandbox(draft, { status: 'stale', reason: STALE, error: TIMED_OUT }, context)
  } else {
    draft.add({ type: 'sandbox_observed', lastHeartbeatMs, inactivityCheckMs: null })
  }
}

const checkInactivityAgain = (draft: Draft, inactivityCheckMs: number): void =>
  draft.add({ type: 'sandbox_observed', lastHeartbeatMs: null, inactivityCheckMs })

const lookForActivity = (draft: Draft, context: Context): void => {
  const { nowMs, observed, policy } = context
  const settledMs = observed.sinceMs + policy.presenceSettlesMs
  if (observed.clients > 0) {
    const minutes = Math.round(policy.inactivityExtensionMs / 60_000)
    const message = `The sandbox is idle and will be stopped in ${minutes} minutes unless somebody sends a prompt`
    draft.add({ type: 'sandbox_warning', message })
    checkInactivityAgain(draft, nowMs + policy.inactivityExtensionMs)
  } else if (nowMs < settledMs) {
    // Nobody has had the time to say that they are here.
    checkInactivityAgain(draft, settledMs)
  } else {
    endSandbox(draft, { status: 'stopped', reason: INACTIVITY, error: TIMED_OUT }, context)
  }
}

const announceAgain = (draft: Draft): void => {
  const { running } = draft.state
  if (!running) return
  const { messageId, attempt } = running
  draft.add({ type: 'prompt_announced', messageId, attempt: attempt + 1 })
}

const ON_DEADLINE: Readonly<Record<DeadlineName, (draft: Draft, context: Context) => void>> = {
  stop: stopExpired,
  execution: (draft, context) => stopRunning(draft, TIMED_OUT, null, context),
  connect: connectTimedOut,
  disconnect: lookForHeartbeat,
  heartbeat: lookForHeartbeat,
  inactivity: lookForActivity,
  delivery: announceAgain,
  // The queue moves after every decision: that it is looked at now is all that was needed.
  retry: () => undefined,
  snapshot: snapshotExpired,
  draft: putAway,
  pull_request: pullRequestExpired,
}

/** Acts on a deadline; one that is not, or no longer, in the state does nothing. */
export const deadline = (draft: Draft, command: CommandOf<'deadline'>, context: Context): Reply => {
  const name = currentDeadline(draft, command, context)
  if (name) ON_DEADLINE[name](draft, context)
  return { ok: true }
}
