/** `presence`: active or idle. The cursor is accepted and not used. */
import type { FrameRow } from './table.ts'

export const presence: FrameRow<'presence'> = {
  run: (edge, peer, { status }) => {
    if (!peer.member) return
    peer.member = { ...peer.member, status, lastSeenMs: edge.now() }
    peer.room.presence.changed()
  },
}
