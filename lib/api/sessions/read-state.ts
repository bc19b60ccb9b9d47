/** `PATCH /sessions/:id/read-state`: somebody has looked at a session, or wants to do so again. */
import { z } from 'zod'
import { ask } from '../../bus/ask.ts'
import { actorOf } from '../callers/caller.ts'
import { sessionParams } from '../query.ts'
import type { Resource } from '../room.ts'

const looked = z
  .strictObject({
    /** True: as if it had never been looked at. */
    unread: z.boolean().optional(),
    userId: z.string().max(256).nullish(),
  })
  .nullish()

export const readState: Resource = (app, { bus, reads, nowMs }) => {
  const schema = {
    summary: 'Marks a session as read, or as unread, for one person',
    params: sessionParams,
    body: looked,
    response: { 200: z.object({ unread: z.boolean() }) },
  }
  app.patch('/sessions/:id/read-state', { schema }, async request => {
    const { body, caller, params } = request
    const { userId } = actorOf(caller, body ?? {})
    const unread = body?.unread === true
    // Only of a session that there is.
    await ask(bus, { v: 1, type: 'participants', sid: params.id })
    await reads.mark(userId, params.id, unread ? 0 : nowMs())
    return { unread }
  })
}
