/** `/sessions/:id/participants`: who has joined, in the order of joining, and having somebody join. */
import { z } from 'zod'
import { participantRow } from '../../../subjects/asks.ts'
import { requestId } from '../../../subjects/commands.ts'
import { participantRole } from '../../../subjects/roles.ts'
import { ask } from '../../bus/ask.ts'
import { authorityOf } from '../callers/caller.ts'
import { sessionParams } from '../query.ts'
import { decided, requestIdOf } from '../request.ts'
import type { Resource } from '../room.ts'

const NEEDS_USER = 'userId is required'
const newParticipant = z.strictObject(
  {
    userId: z.string({ error: NEEDS_USER }).min(1, { error: NEEDS_USER }).max(256),
    githubLogin: z.string().max(256).nullish(),
    githubName: z.string().max(256).nullish(),
    githubEmail: z.string().max(320).nullish(),
    githubUserId: z.string().max(64).nullish(),
    role: participantRole.optional(),
    clientRequestId: requestId.nullish(),
  },
  { error: issue => (issue.code === 'unrecognized_keys' ? undefined : NEEDS_USER) },
)

export const participants: Resource = (app, { bus }) => {
  const list = {
    summary: 'Who has joined the session',
    params: sessionParams,
    response: { 200: z.object({ participants: z.array(participantRow) }) },
  }
  app.get('/sessions/:id/participants', { schema: list }, async request => {
    const answer = await ask(bus, { v: 1, type: 'participants', sid: request.params.id })
    return { participants: answer.participants }
  })

  const add = {
    summary: 'Adds a participant, or changes one with the same userId',
    params: sessionParams,
    body: newParticipant,
    response: { 200: z.object({ id: z.string(), status: z.literal('added') }) },
    refusals: ['FORBIDDEN'] as const,
  }
  app.post('/sessions/:id/participants', { schema: add }, async request => {
    const { body, caller, params } = request
    // The body says who is added, not who asks.
    const reply = await decided(bus, request, params.id, {
      v: 1,
      type: 'add_participant',
      clientRequestId: requestIdOf(body.clientRequestId),
      user: {
        userId: body.userId,
        login: body.githubLogin ?? null,
        name: body.githubName ?? null,
        email: body.githubEmail ?? null,
        githubUserId: body.githubUserId ?? null,
      },
      role: body.role ?? null,
      authority: authorityOf(caller),
    })
    return { id: reply.participantId ?? '', status: 'added' as const }
  })
}
