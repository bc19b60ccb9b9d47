/** Asking for a sandbox: what follows from the spawn decision. */
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { MAX_RESTORES } from '../limits.ts'
import { isBeingKept, isClosed, isConnected } from '../state.ts'
import { connectTimedOut, endSandbox, TERMINATED } from './end-sandbox.ts'
import { STOPPED } from './finish.ts'
import { type Asked, mustEndFirst, type SpawnDecision, spawnDecision } from './spawn-decision.ts'
import { warn } from './warn.ts'

/** Decides, after saying of a sandbox that never connected that it failed, if nobody has yet. */
const decideSpawn = (draft: Draft, context: Context, asked: Asked): SpawnDecision => {
  const first = spawnDecision(draft.state, context.nowMs, context.policy, asked)
  if (first.kind !== 'overdue') return first
  connectTimedOut(draft, context)
  return spawnDecision(draft.state, context.nowMs, context.policy, asked)
}

/** Ends the present sandbox, if any. False while its image is awaited: the next one begins from it. */
const makeRoom = (draft: Draft, context: Context): boolean => {
  if (mustEndFirst(draft.state)) {
    endSandbox(draft, { status: 'stopped', reason: TERMINATED, error: STOPPED }, context)
  }
  return !isBeingKept(draft.state.sandbox)
}

/** Requests a sandbox of the next generation. Its id and token hash are recorded before anybody is
 * asked to start it, because a bridge may connect before its provider has answered. */
const requestSandbox = (draft: Draft, snapshotImageId: string | null, context: Context): void => {
  const { id, repoOwner, repoName, sandbox } = draft.state
  const generation = sandbox.generation + 1
  draft.add(
    {
      type: 'sandbox_requested',
      generation,
      // Two sessions may want one in the same millisecond.
      sandboxId: `sandbox-${repoOwner}-${repoName}-${context.nowMs}-${id.slice(0, 8)}`,
      tokenHash: context.sandboxTokenHash(generation),
      snapshotImageId,
      requestedAtMs: context.nowMs,
    },
    { type: 'sandbox_status_changed', status: 'spawning', reason: null },
  )
}

const warnOfLoss = (draft: Draft, why: string, context: Context): void =>
  warn(
    draft,
    `The stored sandbox cannot be brought back: ${why}. A fresh one starts instead; what was not pushed is missing from it`,
    context,
  )

/** One that goes on from what is stored; a fresh one after images have failed several times in a row. */
const requestNext = (draft: Draft, context: Context): void => {
  const { snapshotImageId, restoresTried } = draft.state
  const givenUp = snapshotImageId !== null && restoresTried >= MAX_RESTORES
  if (givenUp) warnOfLoss(draft, `it failed to start ${restoresTried} times`, context)
  requestSandbox(draft, givenUp ? null : snapshotImageId, context)
}

/** The provider will never start this image: a fresh sandbox takes its place at once. */
export const startAfresh = (draft: Draft, error: string, context: Context): void => {
  draft.add({ type: 'sandbox_status_changed', status: 'failed', reason: error })
  warnOfLoss(draft, error, context)
  requestSandbox(draft, null, context)
}

const sayBlocked = (draft: Draft, untilMs: number, nowMs: number): void => {
  const seconds = Math.ceil((untilMs - nowMs) / 1000)
  const error = `Sandboxes failed to start several times, the next attempt is in ${seconds} seconds`
  draft.add({ type: 'sandbox_error', error })
}

/**
 * The queue wants a sandbox and none is connected. `asked` is `person` when a prompt came just now:
 * only then are people told what they already know.
 */
export const wantSandbox = (draft: Draft, context: Context, asked: Asked): void => {
  if (context.policy.provider === 'none') {
    // Once, with the prompt that begins to wait.
    if (asked === 'person' && draft.state.queue.length === 1) {
      const message = 'No sandbox provider is configured, so the prompt waits'
      draft.add({ type: 'sandbox_warning', message })
    }
    return
  }
  const decision = decideSpawn(draft, context, asked)
  if (decision.kind === 'blocked') {
    if (asked === 'person') sayBlocked(draft, decision.untilMs, context.nowMs)
    return
  }
  const spawns = decision.kind === 'spawn' && makeRoom(draft, context)
  if (spawns || asked === 'person') draft.add({ type: 'sandbox_spawning' })
  if (spawns) requestNext(draft, context)
}

/** Gets a sandbox ready because a prompt is likely. Decided first, announced only if it is so. */
export const warmUp = (draft: Draft, context: Context): void => {
  const { held, running, stopping, sandbox } = draft.state
  // What runs keeps its sandbox, with or without a socket: its heartbeat decides, not a typing hand.
  if (isClosed(draft.state) || held || running || stopping || isConnected(sandbox)) return
  if (decideSpawn(draft, context, 'person').kind !== 'spawn') return
  if (!makeRoom(draft, context)) return
  draft.add({ type: 'sandbox_warming', atMs: context.nowMs })
  requestNext(draft, context)
}
