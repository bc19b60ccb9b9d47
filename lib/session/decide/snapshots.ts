/**
 * Images of a sandbox (spec 4.3, 4.6). While one is taken nothing is started on the sandbox, and it is
 * neither ended nor replaced: an image half way through the next prompt is worth nothing. Whoever waits
 * for it goes on with the answer, or with the deadline. Only the newest image is kept.
 */
import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { isBeingKept, type SessionState } from '../state.ts'
import { goOnEnding } from './end-sandbox.ts'

/**
 * Has an image taken if there is anything new to keep and none is under way. A sandbox that its
 * provider cannot name has none.
 */
export const takeSnapshot = (draft: Draft, reason: string, { nowMs }: Context): void => {
  const { generation, objectId, unsaved, snapshot, status } = draft.state.sandbox
  if (!unsaved || objectId === null || snapshot !== null) return
  draft.add({ type: 'snapshot_started', generation, reason, atMs: nowMs })
  if (status === 'ready') {
    draft.add({ type: 'sandbox_status_changed', status: 'snapshotting', reason: null })
  }
}

const OK: Reply = { ok: true }

/** What happened meanwhile to the status stands: only one that says `snapshotting` is over. */
const leaveStatus = (draft: Draft): void => {
  if (draft.state.sandbox.status !== 'snapshotting') return
  draft.add({ type: 'sandbox_status_changed', status: 'ready', reason: null })
}

type Answer = CommandOf<'sandbox_snapshot_saved' | 'sandbox_snapshot_failed'>

/** It answers what is awaited, and not an earlier request that was given up. */
const isAnswer = ({ sandbox }: SessionState, { generation, askedAtMs }: Answer): boolean =>
  sandbox.snapshot !== null &&
  generation === sandbox.generation &&
  (askedAtMs ?? sandbox.snapshot.atMs) === sandbox.snapshot.atMs

/** Nobody has worked on its successor yet, so that nothing newer is lost with this image. */
const isOfPredecessor = ({ sandbox }: SessionState, generation: number): boolean =>
  sandbox.previous?.generation === generation && !sandbox.unsaved

/**
 * An image is there. One that came after the next prompt had started is not kept: nobody knows which
 * half of that prompt's work is in it.
 */
export const snapshotSaved = (
  draft: Draft,
  command: CommandOf<'sandbox_snapshot_saved'>,
  context: Context,
): Reply => {
  const { generation, imageId, reason } = command
  const isAwaited = isAnswer(draft.state, command)
  if (!isAwaited && !isOfPredecessor(draft.state, generation)) return OK
  if (generation === 0 || imageId === draft.state.snapshotImageId) return OK
  draft.add({ type: 'snapshot_saved', generation, imageId, reason, atMs: context.nowMs })
  if (isAwaited) {
    leaveStatus(draft)
    goOnEnding(draft, { stored: true }, context)
  }
  return OK
}

/** There is none; the older one stays. */
export const snapshotFailed = (
  draft: Draft,
  command: CommandOf<'sandbox_snapshot_failed'>,
  context: Context,
): Reply => {
  const { generation, error, reason } = command
  if (!isAnswer(draft.state, command)) return OK
  draft.add({ type: 'snapshot_failed', generation, error, reason, atMs: context.nowMs })
  leaveStatus(draft)
  goOnEnding(draft, { stored: false, error }, context)
  return OK
}

/** No answer in time: the queue, or the end that waited, goes on without. */
export const snapshotExpired = (draft: Draft, context: Context): void => {
  const { generation, snapshot } = draft.state.sandbox
  if (!snapshot || !isBeingKept(draft.state.sandbox)) return
  const { reason } = snapshot
  draft.add({ type: 'snapshot_expired', generation, reason, atMs: context.nowMs })
  leaveStatus(draft)
  const seconds = Math.round(context.policy.snapshotTimeoutMs / 1000)
  goOnEnding(draft, { stored: false, error: `no answer within ${seconds} seconds` }, context)
}
