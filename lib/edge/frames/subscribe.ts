/** `subscribe`: authenticates the socket and lets it see the session. Once per socket. */
import { codeOf } from '../../../subjects/errors.ts'
import { sha256Hex } from '../../auth/hash.ts'
import { join } from '../join.ts'
import { SESSION_DELETED } from '../rooms.ts'
import type { FrameRow } from './table.ts'

export const subscribe: FrameRow<'subscribe'> = {
  beforeJoining: true,
  run: async (edge, peer, { token, clientId, after }) => {
    const { socket } = peer
    if (peer.subscribing) return socket.closeWith('ALREADY_SUBSCRIBED')
    peer.subscribing = true
    if (!token) return socket.closeWith('TOKEN_MISSING')
    try {
      await join(edge, peer, {
        tokenHash: sha256Hex(token),
        clientId: clientId ?? null,
        after: after ?? null,
      })
    } catch (error) {
      const code = codeOf(error)
      switch (code) {
        case 'TOKEN_MISSING':
        case 'TOKEN_INVALID':
        case 'TOKEN_EXPIRED':
          return socket.closeWith(code)
        // It was there when the socket was let in.
        case 'SESSION_NOT_FOUND':
          return socket.closeWith('NOT_SUBSCRIBED', SESSION_DELETED)
        default:
          edge.log.warn({ err: error, sid: peer.room.sid }, 'a client could not be synchronised')
          return socket.closeWith('SYNC_FAILED')
      }
    }
  },
}
