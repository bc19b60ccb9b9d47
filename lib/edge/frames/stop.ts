/** `stop`: ends what runs. What comes of it is seen by everybody; only a refusal is answered. */
import { randomUUID } from 'node:crypto'
import { requestCommand } from '../../bus/command.ts'
import type { FrameRow } from './table.ts'

export const stop: FrameRow<'stop'> = {
  inOrder: true,
  run: async (edge, { socket, room, member }, { clientRequestId, messageId }) => {
    const { reply } = await requestCommand(edge.bus, room.sid, {
      v: 1,
      type: 'stop',
      // Sent a second time, it must not stop the next prompt.
      clientRequestId: clientRequestId ?? `edge:${randomUUID()}`,
      messageId,
      userId: member!.userId,
    })
    if (!reply.ok) socket.sendRefusal(reply, clientRequestId)
  },
}
