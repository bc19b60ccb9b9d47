/** What comes of images of a sandbox (spec 4.6). Only the newest is kept; no status depends on them. */
import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { isLive, type SessionState } from '../state.ts'

/**
 * Has an image taken if there is anything new to keep. Nothing waits for it: it is begun when the
 * queue is empty, and a prompt that comes meanwhile starts all the same; the image after that one is
 * whole again. A sandbox that its provider cannot name has none.
 */
export const takeSnapshot = (draft: Draft, reason: string, { nowMs }: Context): boolean => {
  const { generation, objectId, unsaved } = draft.state.sandbox
  if (!unsaved || objectId === null || !isLive(draft.state.sandbox)) return false
  draft.add({ type: 'snapshot_started', generation, reason, atMs: nowMs })
  return true
}

const OK: Reply = { ok: true }

/** Nobody has worked on its successor yet, so that nothing newer is lost with this image. */
const isOfPredecessor = ({ sandbox }: SessionState, generation: number): boolean =>
  sandbox.previous?.generation === generation && !sandbox.unsaved

/** An image is there. What is older than what its successor did is not kept. */
export const snapshotSaved = (
  draft: Draft,
  { generation, imageId, reason }: CommandOf<'sandbox_snapshot_saved'>,
  { nowMs }: Context,
): Reply => {
  const { sandbox, snapshotImageId } = draft.state
  const isOurs = generation === sandbox.generation || isOfPredecessor(draft.state, generation)
  if (isOurs && generation > 0 && imageId !== snapshotImageId) {
    draft.add({ type: 'snapshot_saved', generation, imageId, reason, atMs: nowMs })
  }
  return OK
}

/** There is none; the older one stays. */
export const snapshotFailed = (
  draft: Draft,
  { generation, error, reason }: CommandOf<'sandbox_snapshot_failed'>,
  { nowMs }: Context,
): Reply => {
  if (generation === draft.state.sandbox.generation && generation > 0) {
    draft.add({ type: 'snapshot_failed', generation, error, reason, atMs: nowMs })
  }
  return OK
}
