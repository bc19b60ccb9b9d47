/** Asking for a sandbox: what follows from the spawn decision. */
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { BEFORE_END } from '../limits.ts'
import { isClosed, isConnected } from '../state.ts'
import { connectTimedOut, shutDown, TERMINATED } from './end-sandbox.ts'
import { takeSnapshot } from './snapshots.ts'
import { type Asked, mustEndFirst, type SpawnDecision, spawnDecision } from './spawn-decision.ts'

/** Decides, after saying of a sandbox that never connected that it failed, if nobody has yet. */
const decideSpawn = (draft: Draft, context: Context, asked: Asked): SpawnDecision => {
  const first = spawnDecision(draft.state, context.nowMs, context.policy, asked)
  if (first.kind !== 'overdue') return first
  connectTimedOut(draft, context)
  return spawnDecision(draft.state, context.nowMs, context.policy, asked)
}

/** Requests a sandbox of the next generation. Its id and token hash are recorded before anybody is
 * asked to start it, because a bridge may connect before its provider has answered. */
const requestSandbox = (draft: Draft, context: Context): void => {
  if (mustEndFirst(draft.state)) {
    takeSnapshot(draft, BEFORE_END, context)
    shutDown(draft, TERMINATED)
  }
  const { repoOwner, repoName, sandbox, snapshotImageId } = draft.state
  // One that could not be started from the image is followed by a fresh one, which may.
  const failedRestore = sandbox.status === 'failed' && sandbox.restoredFrom !== null
  const generation = sandbox.generation + 1
  draft.add(
    {
      type: 'sandbox_requested',
      generation,
      sandboxId: `sandbox-${repoOwner}-${repoName}-${context.nowMs}`,
      tokenHash: context.sandboxTokenHash(generation),
      snapshotImageId: failedRestore ? null : snapshotImageId,
      requestedAtMs: context.nowMs,
    },
    { type: 'sandbox_status_changed', status: 'spawning', reason: null },
  )
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
  if (decision.kind === 'spawn' || asked === 'person') draft.add({ type: 'sandbox_spawning' })
  if (decision.kind === 'spawn') requestSandbox(draft, context)
}

/** Gets a sandbox ready because a prompt is likely. Decided first, announced only if it is so. */
export const warmUp = (draft: Draft, context: Context): void => {
  const { held, running, stopping, sandbox } = draft.state
  // What runs keeps its sandbox, with or without a socket: its heartbeat decides, not a typing hand.
  if (isClosed(draft.state) || held || running || stopping || isConnected(sandbox)) return
  if (decideSpawn(draft, context, 'person').kind !== 'spawn') return
  draft.add({ type: 'sandbox_warming', atMs: context.nowMs })
  requestSandbox(draft, context)
}
