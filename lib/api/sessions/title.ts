/** `PATCH /sessions/:id/title`: renames a session, for everybody. */
import { z } from 'zod'
import { requestId } from '../../../subjects/commands.ts'
import { actorOf } from '../callers/caller.ts'
import { sessionParams } from '../query.ts'
import { decided, requestIdOf } from '../request.ts'
import type { Resource } from '../room.ts'

const NEEDS_TITLE = 'title is required'
const renaming = z.strictObject(
  {
    title: z
      .string({ error: NEEDS_TITLE })
      .trim()
      .min(1, { error: NEEDS_TITLE })
      .max(200, { error: 'title may have 200 characters' }),
    userId: z.string().max(256).nullish(),
    clientRequestId: requestId.nullish(),
  },
  { error: issue => (issue.code === 'unrecognized_keys' ? undefined : NEEDS_TITLE) },
)

export const title: Resource = (app, { bus }) => {
  const schema = {
    summary: 'Renames a session',
    params: sessionParams,
    body: renaming,
    response: { 200: z.object({ status: z.literal('updated'), title: z.string() }) },
  }
  app.patch('/sessions/:id/title', { schema }, async request => {
    const { body, caller, params } = request
    await decided(bus, request, params.id, {
      v: 1,
      type: 'set_title',
      clientRequestId: requestIdOf(body.clientRequestId),
      title: body.title,
      userId: actorOf(caller, body, 'anonymous').userId,
    })
    return { status: 'updated' as const, title: body.title }
  })
}
