/** `edit_prompt`: replaces the text of a waiting prompt, if the queue is still as the sender saw it. */
import { changeQueueAndSay } from './change-queue.ts'
import type { FrameRow } from './table.ts'

export const editPrompt: FrameRow<'edit_prompt'> = {
  inOrder: true,
  run: (edge, peer, { messageId, content, version, clientRequestId }) =>
    changeQueueAndSay(edge, peer, clientRequestId, {
      type: 'edit_prompt',
      messageId,
      content,
      version,
    }),
}
