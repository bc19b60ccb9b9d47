/** `GET /me` and `POST /invites`: for the page, which wants to know who it serves. */
import { z } from 'zod'
import { fail } from '../../subjects/errors.ts'
import { isSessionId } from '../../subjects/subjects.ts'
import { makeInvite } from '../auth/signin-codes.ts'
import type { Resource } from './room.ts'

const NEEDS_NAME = 'name is required'
const invitation = z.object(
  {
    name: z.string({ error: NEEDS_NAME }).trim().min(1, { error: NEEDS_NAME }).max(80),
    sessionId: z.string().refine(isSessionId, { error: 'Invalid sessionId' }).nullish(),
  },
  { error: NEEDS_NAME },
)

const person = z.object({
  userId: z.string(),
  name: z.string(),
  role: z.enum(['developer', 'guest']),
  login: z.string().optional(),
  /** Whether there is a git host, where pull requests can be opened. */
  gitHost: z.boolean(),
})

export const people: Resource = (app, { codes, config, nowMs }) => {
  const me = {
    summary: 'Who is signed in',
    response: { 200: person },
    refusals: ['FORBIDDEN'] as const,
  }
  app.get('/me', { schema: me }, async request => {
    if (request.caller.kind === 'service') throw fail('FORBIDDEN')
    const { userId, name, role, login } = request.caller.who
    const gitHost = config.github !== null
    return { userId, name, role, gitHost, ...(login ? { login } : {}) }
  })

  const invite = {
    summary: 'Makes a link with which somebody signs in',
    body: invitation,
    response: { 201: z.object({ path: z.string(), expiresAt: z.int() }) },
    refusals: ['FORBIDDEN', 'BUS_UNAVAILABLE'] as const,
  }
  app.post('/invites', { schema: invite }, async (request, reply) => {
    const { body, caller } = request
    if (caller.kind === 'person' && caller.who.role !== 'developer') {
      throw fail('FORBIDDEN', { message: 'Only the developer may invite others' })
    }
    const { code, expiresAtMs } = await makeInvite(codes, {
      name: body.name,
      invitedBy: caller.kind === 'person' ? caller.who.name : 'A service',
      sid: body.sessionId ?? null,
      nowMs: nowMs(),
    })
    return reply.code(201).send({ path: `/login?code=${code}`, expiresAt: expiresAtMs })
  })
}
