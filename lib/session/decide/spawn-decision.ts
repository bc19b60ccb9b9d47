/** Whether a sandbox may be wanted now (spec 4.6), and when it next may be. */
import type { Policy } from '../policy.ts'
import { isBeingKept, isDead, isLive, isStarting, type SessionState } from '../state.ts'

/** `person`: somebody asks for it just now. `queue`: prompts wait, and nobody asked just now. */
export type Asked = 'person' | 'queue'

export type SpawnDecision =
  /** The breaker is open until then. */
  | Readonly<{ kind: 'blocked'; untilMs: number }>
  /** One is starting, the last one's image is awaited, or nothing can start one. */
  | Readonly<{ kind: 'skip' }>
  /** One was starting for longer than it may: it failed, and nobody has said so yet. */
  | Readonly<{ kind: 'overdue' }>
  | Readonly<{ kind: 'wait'; untilMs: number }>
  | Readonly<{ kind: 'spawn' }>

/** When the breaker closes again, or null when it is not open. */
const breakerUntilMs = (state: SessionState, policy: Policy): number | null => {
  const failures = state.spawnFailuresMs
  const last = failures.at(-1)
  if (last === undefined) return null
  // Failures that lie a whole window apart do not belong together: the breaker had reset.
  const inARow =
    failures.length -
    failures.findLastIndex((atMs, i) => {
      const before = failures[i - 1]
      return before === undefined || atMs - before >= policy.breakerWindowMs
    })
  return inARow >= policy.breakerFailures ? last + policy.breakerWindowMs : null
}

/** Until when no sandbox may follow the present one. */
const waitUntilMs = (state: SessionState, policy: Policy, asked: Asked): number => {
  const { sandbox } = state
  const spawnedAtMs = sandbox.requestedAtMs
  if (spawnedAtMs === null) return 0
  if (isLive(sandbox)) {
    // Counted from the closed socket as well: a bridge whose edge died is back within a minute,
    // and replacing it would lose the agent's memory and whatever is not committed.
    return Math.max(spawnedAtMs, sandbox.disconnectedAtMs ?? 0) + policy.reconnectWaitMs
  }
  // A person who asks again need not wait behind a failure. Without a person, the cooldown keeps a
  // provider that refuses at once from being asked in a loop.
  const skipsCooldown =
    sandbox.status === 'stopped' || (sandbox.status === 'failed' && asked === 'person')
  return skipsCooldown ? 0 : spawnedAtMs + policy.spawnCooldownMs
}

/** Decides for a session without a connected sandbox. First match wins, in the order of spec 4.6. */
export const spawnDecision = (
  state: SessionState,
  nowMs: number,
  policy: Policy,
  asked: Asked,
): SpawnDecision => {
  if (policy.provider === 'none' || isBeingKept(state.sandbox)) return { kind: 'skip' }
  const blockedUntilMs = breakerUntilMs(state, policy)
  if (isStarting(state.sandbox)) {
    const startedAtMs = state.sandbox.requestedAtMs ?? 0
    return { kind: nowMs - startedAtMs < policy.connectTimeoutMs ? 'skip' : 'overdue' }
  }
  if (blockedUntilMs !== null && nowMs < blockedUntilMs) {
    return { kind: 'blocked', untilMs: blockedUntilMs }
  }
  const untilMs = waitUntilMs(state, policy, asked)
  return nowMs < untilMs ? { kind: 'wait', untilMs } : { kind: 'spawn' }
}

/** When a queue that waits may next want a sandbox by itself; null while that cannot be. */
export const earliestSpawnMs = (state: SessionState, policy: Policy): number | null =>
  policy.provider === 'none' || isStarting(state.sandbox) || isBeingKept(state.sandbox)
    ? null
    : Math.max(
        state.createdAtMs,
        breakerUntilMs(state, policy) ?? 0,
        waitUntilMs(state, policy, 'queue'),
      )

/** True when the present sandbox is to be ended before it is replaced. */
export const mustEndFirst = (state: SessionState): boolean =>
  state.sandbox.generation > 0 && !isDead(state.sandbox)
