/** `typing`: a prompt is likely to come. A hint, so at most one per session in a while, and no answer. */
import { publishCommand } from '../../bus/command.ts'
import type { FrameRow } from './table.ts'

export const typing: FrameRow<'typing'> = {
  run: async (edge, { room, member }) => {
    if (edge.now() - room.warmedAtMs < edge.config.warmThrottleMs) return
    room.warmedAtMs = edge.now()
    const command = { v: 1, type: 'warm', reason: 'typing', userId: member!.userId } as const
    await publishCommand(edge.bus, room.sid, command).catch((error: unknown) =>
      edge.log.debug({ err: error, sid: room.sid }, 'a hint is lost'),
    )
  },
}
