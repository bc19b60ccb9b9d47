/** `POST /sessions/:id/ws-token` (spec 3.9): whoever may call may join, and joins with this token. */
import { randomBytes } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { v7 } from 'uuid'
import { z } from 'zod'
import { sha256Hex } from '../../auth/hash.ts'
import { requestCommand } from '../../bus/command.ts'
import { accepted } from '../answer-error.ts'
import { actorOf } from '../callers/caller.ts'
import { type HandedToken, handedToken, scmTokenOf } from '../callers/scm-token.ts'
import { sessionParams } from '../query.ts'
import type { Resource, Room } from '../room.ts'

const joining = z
  .object({
    userId: z.string().max(256).nullish(),
    githubUserId: z.string().max(64).nullish(),
    githubLogin: z.string().max(256).nullish(),
    githubName: z.string().max(256).nullish(),
    githubEmail: z.string().max(320).nullish(),
    ...handedToken,
  })
  .nullish()

/** Somebody joins also without their GitHub token. */
const tokenIfPossible = (
  room: Room,
  request: FastifyRequest,
  body: HandedToken | null | undefined,
) => {
  if (request.caller.kind !== 'service' || !body) return undefined
  try {
    return scmTokenOf(room, body)
  } catch (error) {
    request.log.warn({ error }, 'a GitHub token was not taken over')
    return undefined
  }
}

export const wsToken: Resource = (app, room) => {
  const schema = {
    summary: 'A token with which a user joins over the WebSocket',
    params: sessionParams,
    body: joining,
    response: { 200: z.object({ token: z.string(), participantId: z.string().optional() }) },
  }
  app.post('/sessions/:id/ws-token', { schema }, async request => {
    const scmToken = tokenIfPossible(room, request, request.body)
    const user = {
      ...actorOf(request.caller, request.body ?? {}),
      ...(scmToken ? { scmToken } : {}),
    }
    const token = randomBytes(32).toString('hex')
    const answer = await requestCommand(
      room.bus,
      request.params.id,
      {
        v: 1,
        type: 'issue_ws_token',
        clientRequestId: v7(),
        user,
        // The token itself leaves this process only in the answer.
        tokenHash: sha256Hex(token),
      },
      { traceId: request.traceId },
    )
    return { token, participantId: accepted(answer.reply).participantId }
  })
}
