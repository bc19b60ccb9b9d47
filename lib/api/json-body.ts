/**
 * Bodies are JSON whatever their content type says, as in the seed; an empty one is no body. Only a
 * content type that is none is refused, with 415, which Fastify does before it looks for a parser. This is
 * safe because a browser's cookie counts only for requests of our own page: see caller.ts.
 */
import type { FastifyInstance } from 'fastify'

/** A prompt of 64 000 characters, each escaped as `\uXXXX`, with room for the rest. */
export const BODY_LIMIT_BYTES = 1_500_000

export const readJsonBodies = (app: FastifyInstance): void => {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('*', { parseAs: 'string' }, (request, body, done) => {
    if (body.trim() === '') done(null, undefined)
    else parse(request, body, done)
  })
}
