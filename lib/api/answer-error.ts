/** Every failure becomes `{error, code}` by the table of `subjects/errors.ts`; none shows a stack. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { codeOf, ERRORS, type ErrorCode, fail } from '../../subjects/errors.ts'
import type { Reply } from '../../subjects/replies.ts'

/** Seconds after which a caller may try again what the system could not do just now. */
const RETRY_AFTER_SECONDS = 2

/** Fastify's own codes for what a request may get wrong. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'INVALID_JSON',
  FST_ERR_CTP_BODY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
}

const ownCode = (error: unknown): ErrorCode | undefined =>
  codeOf(error) ?? FASTIFY_CODES[(error as Partial<FastifyError>).code ?? '']

/** Beside a conflict: the queue's present version, so that the caller can look and try again. */
const versionOf = (error: unknown): { version?: number } => {
  const version = ((error as Error).cause as { version?: unknown } | undefined)?.version
  return typeof version === 'number' ? { version } : {}
}

/** Fastify's error handler. */
export const answerError = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
  const code = ownCode(error)
  if (code) {
    const { http, text } = ERRORS[code]
    if (http === 503) reply.header('retry-after', RETRY_AFTER_SECONDS)
    if (http >= 500) request.log.warn({ code, error }, 'a request failed')
    const message = codeOf(error) ? (error as Error).message : text
    return reply.code(http).send({ error: message, code, ...versionOf(error) })
  }
  const { statusCode, message } = error as Partial<FastifyError>
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    const kind: ErrorCode = statusCode === 429 ? 'RATE_LIMITED' : 'INVALID_REQUEST'
    return reply.code(statusCode).send({ error: message, code: kind })
  }
  request.log.error({ error }, 'a request failed unexpectedly')
  return reply.code(500).send({ error: ERRORS.INTERNAL.text, code: 'INTERNAL' })
}

/** What the owner accepted. @throws the code with which it refused */
export const accepted = (reply: Reply): Extract<Reply, { ok: true }> => {
  if (reply.ok) return reply
  const code = reply.code in ERRORS ? (reply.code as ErrorCode) : 'INTERNAL'
  throw fail(code, { message: reply.message, version: reply.version })
}
