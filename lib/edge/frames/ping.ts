/** `ping`: answered at once, with the time it is. */
import type { FrameRow } from './table.ts'

export const ping: FrameRow<'ping'> = {
  beforeJoining: true,
  // Of this machine: it is there to be compared with the clock of who asks.
  run: (_edge, { socket }) => socket.send({ type: 'pong', timestamp: Date.now() }),
}
