/** What comes of images of a sandbox (spec 4.6). Only the newest is kept; no status depends on them. */
import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'

const OK: Reply = { ok: true }

/** An image is there. One of a sandbox that was replaced meanwhile is older than its successor. */
export const snapshotSaved = (
  draft: Draft,
  { generation, imageId, reason }: CommandOf<'sandbox_snapshot_saved'>,
  { nowMs }: Context,
): Reply => {
  const { sandbox, snapshotImageId } = draft.state
  if (generation === sandbox.generation && generation > 0 && imageId !== snapshotImageId) {
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
