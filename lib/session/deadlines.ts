/**
 * Every timeout, derived from the state: nothing is ever "cancelled", because a deadline that the
 * state no longer has means nothing when it fires. The owner arms what changed.
 */
import type { Timer } from '../../subjects/records.ts'
import { pullRequestDueMs } from './decide/pull-request-push.ts'
import { earliestSpawnMs } from './decide/spawn-decision.ts'
import type { Policy } from './policy.ts'
import {
  isAtRest,
  isBeingKept,
  isConnected,
  isLive,
  isStarting,
  type SessionState,
} from './state.ts'

export const DEADLINES = [
  'stop',
  'execution',
  'connect',
  'disconnect',
  'heartbeat',
  'inactivity',
  'delivery',
  'retry',
  'snapshot',
  'draft',
  'pull_request',
] as const
export type DeadlineName = (typeof DEADLINES)[number]

/** Multiples of the confirmation time: 1, 2, 4, 8, then every 12, lest a deaf sandbox fill the log. */
const deliveryMultiples = (attempt: number): number =>
  attempt < 4 ? 2 ** (attempt + 1) - 1 : 15 + 12 * (attempt - 3)

/** When the deadline of a name passes (milliseconds since the epoch), or null for none. */
const dueMs = (state: SessionState, policy: Policy, name: DeadlineName): number | null => {
  const { sandbox, running, stopping, queue, held } = state
  switch (name) {
    case 'stop':
      return stopping && stopping.requestedAtMs + policy.stopConfirmationMs
    case 'execution':
      return running && running.startedAtMs + policy.executionTimeoutMs
    case 'connect':
      return isStarting(sandbox) ? (sandbox.requestedAtMs ?? 0) + policy.connectTimeoutMs : null
    case 'disconnect':
      return isLive(sandbox) && sandbox.disconnectCheck && sandbox.disconnectedAtMs !== null
        ? sandbox.disconnectedAtMs + policy.disconnectCheckMs
        : null
    case 'heartbeat':
      // Silence must be strictly longer, hence one more.
      return isLive(sandbox) && sandbox.lastHeartbeatMs !== null
        ? sandbox.lastHeartbeatMs + policy.heartbeatStaleMs + 1
        : null
    case 'inactivity':
      return isLive(sandbox) &&
        !isStarting(sandbox) &&
        isAtRest(state) &&
        sandbox.lastActivityMs !== null
        ? Math.max(
            sandbox.lastActivityMs + policy.sandboxInactivityTimeoutMs,
            sandbox.inactivityCheckMs ?? 0,
          )
        : null
    case 'delivery':
      return running && !running.delivered && isConnected(sandbox)
        ? Math.max(running.startedAtMs, sandbox.connectedAtMs ?? 0) +
            deliveryMultiples(running.attempt) * policy.deliveryConfirmationMs
        : null
    case 'retry':
      return queue.length > 0 && !held && !running && !stopping && !isConnected(sandbox)
        ? earliestSpawnMs(state, policy)
        : null
    case 'snapshot':
      return sandbox.snapshot && isBeingKept(sandbox)
        ? sandbox.snapshot.atMs + policy.snapshotTimeoutMs
        : null
    case 'draft':
      return state.status === 'created' ? state.createdAtMs + policy.abandonedDraftMs : null
    case 'pull_request':
      return state.pullRequests.open && pullRequestDueMs(state.pullRequests.open, policy)
  }
}

/** All deadlines that the state has, each with the time at which it passes. */
export const deadlines = (state: SessionState, policy: Policy): readonly Timer[] =>
  state.exists
    ? DEADLINES.flatMap(name => {
        const atMs = dueMs(state, policy, name)
        return atMs === null ? [] : [{ name, atMs }]
      })
    : []
