/** `move_prompt`: puts a waiting prompt before another, if the queue is still as the sender saw it. */
import { changeQueueAndSay } from './change-queue.ts'
import type { FrameRow } from './table.ts'

export const movePrompt: FrameRow<'move_prompt'> = {
  inOrder: true,
  run: (edge, peer, { messageId, before, version, clientRequestId }) =>
    changeQueueAndSay(edge, peer, clientRequestId, {
      type: 'move_prompt',
      messageId,
      before,
      version,
    }),
}
