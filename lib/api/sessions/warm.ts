/** `POST /sessions/:id/warm`: has a sandbox made ready, because a prompt is likely to come. */
import { z } from 'zod'
import { sessionParams } from '../query.ts'
import { decided } from '../request.ts'
import type { Resource } from '../room.ts'

export const warm: Resource = (app, { bus }) => {
  const schema = {
    summary: 'Gets a sandbox ready',
    params: sessionParams,
    response: { 200: z.object({ status: z.literal('warming') }) },
  }
  app.post('/sessions/:id/warm', { schema }, async request => {
    const { caller, params } = request
    await decided(bus, request, params.id, {
      v: 1,
      type: 'warm',
      reason: 'request',
      userId: caller.kind === 'person' ? caller.who.userId : null,
    })
    return { status: 'warming' as const }
  })
}
