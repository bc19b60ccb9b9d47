/** `fetch_history`: the page of the timeline before the one that the client holds, oldest line first. */
import { ask } from '../../bus/ask.ts'
import { HISTORY_LINES, HISTORY_MOST_LINES, HISTORY_PAUSE_MS } from '../limits.ts'
import type { FrameRow } from './table.ts'

export const fetchHistory: FrameRow<'fetch_history'> = {
  malformed: 'INVALID_CURSOR',
  run: async (edge, peer, { cursor, limit }) => {
    const { socket, room } = peer
    const nowMs = edge.now()
    if (nowMs - peer.historyAtMs < HISTORY_PAUSE_MS) return socket.sendError('RATE_LIMITED')
    peer.historyAtMs = nowMs
    const { timestamp, id, sequence } = cursor
    const page = await ask(edge.bus, {
      v: 1,
      sid: room.sid,
      type: 'history',
      cursor: { timestamp, id, sequence },
      limit: Math.min(HISTORY_MOST_LINES, Math.max(1, Math.trunc(limit ?? HISTORY_LINES))),
    })
    const { items, hasMore } = page
    socket.send({ type: 'history_page', items, hasMore, cursor: page.cursor })
  },
}
