/** `DELETE /sessions/:id`: a real one. Afterwards every route knows nothing of the session. */
import { z } from 'zod'
import { authorityOf } from '../callers/caller.ts'
import { sessionParams } from '../query.ts'
import { decided, requestIdOf } from '../request.ts'
import type { Resource } from '../room.ts'

const deleted = z.object({ status: z.literal('deleted'), sessionId: z.string() })

export const deleteSession: Resource = (app, { bus, index }) => {
  const schema = {
    summary: 'Deletes a session for good: log, history, sandbox, sockets',
    params: sessionParams,
    response: { 200: deleted },
    refusals: ['FORBIDDEN'] as const,
  }
  app.delete('/sessions/:id', { schema }, async request => {
    const { caller, params } = request
    await decided(bus, request, params.id, {
      v: 1,
      type: 'delete_session',
      clientRequestId: requestIdOf(null),
      authority: authorityOf(caller),
      userId: caller.kind === 'person' ? caller.who.userId : null,
    })
    // Other processes hear of it some milliseconds later; this one must not list it any more.
    await index.forget(params.id)
    return { status: 'deleted' as const, sessionId: params.id }
  })
}
