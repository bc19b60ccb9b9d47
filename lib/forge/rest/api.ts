/** `/api/v3`: the part of GitHub's REST API that is served, its errors and its limits. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { sha256Hex } from '../../auth/hash.ts'
import { type Caller, callerOfToken } from '../caller.ts'
import { type FieldError, refusal, refusalOf } from '../refusal.ts'
import type { Room } from '../room.ts'
import { appRoutes } from './app.ts'
import { branchRoutes } from './branches.ts'
import { commentRoutes } from './comments.ts'
import { deliveryRoutes } from './deliveries.ts'
import { pullRoutes } from './pulls.ts'
import { repositoryRoutes } from './repositories.ts'
import type { Routes } from './routes.ts'
import { userRoutes } from './users.ts'

declare module 'fastify' {
  interface FastifyRequest {
    forgeCaller: Caller
  }
}

const ROUTES: readonly Routes[] = [
  appRoutes,
  deliveryRoutes,
  repositoryRoutes,
  branchRoutes,
  pullRoutes,
  commentRoutes,
  userRoutes,
]

const HOUR_MS = 3_600_000

export const serveApi = async (api: FastifyInstance, room: Room): Promise<void> => {
  const { settings } = room
  api.decorateRequest('forgeCaller')
  api.removeAllContentTypeParsers()
  // Whatever its type is called, a body is JSON.
  api.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body ? JSON.parse(body as string) : undefined)
    } catch {
      done(refusal(400, 'Problems parsing JSON'))
    }
  })
  api.setErrorHandler(answerRefusal)
  api.setNotFoundHandler((_request, reply) => sendError(reply, 404, 'Not Found'))

  const used = new LRUCache<string, { count: number; resetMs: number }>({ max: 1_000 })
  const count = (request: FastifyRequest, reply: FastifyReply) => {
    const who = sha256Hex(request.headers.authorization ?? request.ip)
    const now = settings.nowMs()
    const known = used.get(who)
    const mine = known && known.resetMs > now ? known : { count: 0, resetMs: now + HOUR_MS }
    mine.count += 1
    used.set(who, mine)
    reply.headers({
      'x-github-media-type': 'github.v3; format=json',
      'x-github-request-id': request.id,
      'x-ratelimit-limit': settings.rateLimit,
      'x-ratelimit-remaining': Math.max(0, settings.rateLimit - mine.count),
      'x-ratelimit-reset': Math.ceil(mine.resetMs / 1000),
      'x-ratelimit-used': mine.count,
      'x-ratelimit-resource': 'core',
    })
    if (mine.count > settings.rateLimit) throw refusal(403, 'API rate limit exceeded')
  }
  api.addHook('onRequest', async (request, reply) => {
    request.forgeCaller = { kind: 'nobody' }
    count(request, reply)
    const header = request.headers.authorization
    if (header === undefined) return
    const token = /^(?:bearer|token)\s+(\S+)$/i.exec(header)?.[1]
    if (!token) throw refusal(401, 'Bad credentials')
    request.forgeCaller = await callerOfToken(room, token)
  })
  for (const routes of ROUTES) routes(api, room)
}

const sendError = (
  reply: FastifyReply,
  status: number,
  message: string,
  errors?: readonly FieldError[],
) =>
  reply.code(status).send({
    message,
    ...(errors ? { errors } : {}),
    documentation_url: 'https://docs.github.com/rest',
    status: String(status),
  })

const answerRefusal = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
  const refused = refusalOf(error)
  if (refused) return sendError(reply, refused.status, refused.message, refused.errors)
  const { statusCode = 500, message } = error as { statusCode?: number; message: string }
  if (statusCode < 500) return sendError(reply, statusCode, message)
  request.log.error({ err: error }, 'request failed')
  return sendError(reply, 500, 'Server Error')
}
