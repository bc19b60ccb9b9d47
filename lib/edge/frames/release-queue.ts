/** `release_queue`: the queue goes on after a hold. */
import { changeQueueAndSay } from './change-queue.ts'
import type { FrameRow } from './table.ts'

export const releaseQueue: FrameRow<'release_queue'> = {
  inOrder: true,
  run: (edge, peer, { clientRequestId }) =>
    changeQueueAndSay(edge, peer, clientRequestId, { type: 'release_queue' }),
}
