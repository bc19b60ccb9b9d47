/** `prompt`: joins the queue; the sender learns its place, or why not. */

import { randomUUID } from 'node:crypto'
import { codeOf, fail } from '../../../subjects/errors.ts'
import { requestCommand } from '../../bus/command.ts'
import type { FrameRow } from './table.ts'

export const prompt: FrameRow<'prompt'> = {
  inOrder: true,
  malformed: 'INVALID_PROMPT',
  run: async (edge, { socket, room, member }, frame) => {
    const { clientRequestId } = frame
    const { reply } = await requestCommand(edge.bus, room.sid, {
      v: 1,
      type: 'prompt',
      // A command that is sent twice because nobody answered must be one prompt all the same.
      clientRequestId: clientRequestId ?? `edge:${randomUUID()}`,
      content: frame.content,
      authorId: member!.userId,
      source: 'web',
      model: frame.model,
      reasoningEffort: frame.reasoningEffort,
      attachments: frame.attachments,
    }).catch((error: Error) => {
      const { message } = error
      throw codeOf(error) === 'INVALID_REQUEST' ? fail('INVALID_PROMPT', { message, error }) : error
    })
    if (!reply.ok) {
      socket.sendRefusal(reply, clientRequestId)
      return
    }
    socket.send({
      type: 'prompt_queued',
      messageId: reply.messageId ?? '',
      position: reply.position ?? null,
      ...(clientRequestId === undefined ? {} : { clientRequestId }),
    })
  },
}
