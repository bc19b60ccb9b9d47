/** `cancel_prompt`: takes a waiting prompt out of the queue. Whoever waits may be taken out by anybody. */
import { changeQueue } from './change-queue.ts'
import type { FrameRow } from './table.ts'

export const cancelPrompt: FrameRow<'cancel_prompt'> = {
  inOrder: true,
  run: async (edge, peer, { messageId, clientRequestId }) => {
    const change = { type: 'cancel_prompt', messageId } as const
    const version = await changeQueue(edge, peer, clientRequestId, change)
    if (version === undefined) return
    peer.socket.send({ type: 'prompt_cancelled', clientRequestId, messageId })
  },
}
