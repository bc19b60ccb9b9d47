/** `ping`: answered at once, with the time it is. */
import type { FrameRow } from './table.ts'

export const ping: FrameRow<'ping'> = {
  beforeJoining: true,
  run: (edge, { socket }) => socket.send({ type: 'pong', timestamp: edge.now() }),
}
