/** What every answer carries, and the answer to every `OPTIONS` (spec 3.1). */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { v7 } from 'uuid'
import { ERRORS, type ErrorCode } from '../../subjects/errors.ts'

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

const commonHeaders = (id: string, traceId: string) => ({
  ...SECURITY,
  'access-control-allow-origin': '*',
  'cache-control': 'no-store',
  'x-request-id': id,
  'x-trace-id': traceId,
})

const setHeaders = (request: FastifyRequest, reply: FastifyReply): void => {
  const given = request.headers['x-trace-id']
  request.traceId = typeof given === 'string' && TRACE_ID.test(given) ? given : v7()
  reply.headers(commonHeaders(request.id, request.traceId))
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

/** Node's own codes for what it cannot read as a request; any other is `INVALID_HTTP`. */
const NODE_CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'PAYLOAD_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/**
 * Answers what is no HTTP, in the form of any other refusal, and ends the connection: nobody knows where
 * the next request would begin. (None of our answers is streamed, so it cannot land inside one.)
 */
export const answerMalformed = (error: NodeJS.ErrnoException, socket: Socket): void => {
  const code = NODE_CODES[error.code ?? ''] ?? 'INVALID_HTTP'
  if (socket.writable && error.code !== 'ECONNRESET') {
    const { http, text } = ERRORS[code]
    const body = JSON.stringify({ error: text, code })
    const headers = {
      ...commonHeaders(requestId(), v7()),
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`HTTP/1.1 ${http} ${STATUS_CODES[http]}\r\n${lines.join('')}\r\n${body}`)
  }
  socket.destroy(error)
}

/** Sets the headers, and answers `OPTIONS` for any path before anybody asks who is calling. */
export const sendHeaders = (app: FastifyInstance): void => {
  app.decorateRequest('traceId', '')
  app.addHook('onRequest', async (request, reply) => {
    setHeaders(request, reply)
    if (request.method === 'OPTIONS') return reply.headers(CORS).code(200).send()
  })
}
