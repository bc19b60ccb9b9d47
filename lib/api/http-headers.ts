/** What every answer carries, and the answer to every `OPTIONS` (spec 3.1). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { v7 } from 'uuid'

/** A trace id of the caller's is kept when it is harmless to log and to pass on. */
const TRACE_ID = /^[\w.-]{1,128}$/

const CORS = {
  'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE, OPTIONS',
  'access-control-allow-headers': 'Content-Type, Authorization',
  'access-control-max-age': '86400',
} as const

const SECURITY = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // A sign-in code stands in an address, and must not travel on as a referrer.
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const

declare module 'fastify' {
  interface FastifyRequest {
    /** Ties log lines of several processes together; goes along with every command. */
    traceId: string
  }
}

/** Makes a request's id. */
export const requestId = (): string => v7()

const setHeaders = (request: FastifyRequest, reply: FastifyReply): void => {
  const given = request.headers['x-trace-id']
  request.traceId = typeof given === 'string' && TRACE_ID.test(given) ? given : v7()
  reply.headers({
    ...SECURITY,
    'access-control-allow-origin': '*',
    'cache-control': 'no-store',
    'x-request-id': request.id,
    'x-trace-id': request.traceId,
  })
}

/** Answers a path that Fastify cannot even read, as any other that does not exist. No hook has seen it. */
export const answerUnreadable = (
  _error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void => {
  setHeaders(request, reply)
  reply
    .code(404)
    .type('application/json')
    .send(JSON.stringify({ error: 'Not found' }))
}

/** Sets the headers, and answers `OPTIONS` for any path before anybody asks who is calling. */
export const sendHeaders = (app: FastifyInstance): void => {
  app.decorateRequest('traceId', '')
  app.addHook('onRequest', async (request, reply) => {
    setHeaders(request, reply)
    if (request.method === 'OPTIONS') return reply.headers(CORS).code(200).send()
  })
}
