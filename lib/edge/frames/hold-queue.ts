/** `hold_queue`: nothing more is started until somebody releases it; what runs goes on. */
import { changeQueueAndSay } from './change-queue.ts'
import type { FrameRow } from './table.ts'

export const holdQueue: FrameRow<'hold_queue'> = {
  inOrder: true,
  run: (edge, peer, { clientRequestId }) =>
    changeQueueAndSay(edge, peer, clientRequestId, { type: 'hold_queue' }),
}
