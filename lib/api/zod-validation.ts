/** Fastify validates with zod: a route's schema both checks and types its body, query and params. */
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { z } from 'zod'
import { fail } from '../../subjects/errors.ts'
import { misfit } from '../../subjects/validation.ts'

export interface ZodTypes extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown
  serializer: this['schema'] extends z.ZodType ? z.input<this['schema']> : unknown
}

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypes
>

/** Makes `app` check with zod; what does not fit is `INVALID_REQUEST`, 400, with one sentence. */
export const validateWithZod = (app: FastifyInstance): App => {
  app.setValidatorCompiler<z.ZodType>(({ schema }) => value => {
    const result = schema.safeParse(value)
    if (result.success) return { value: result.data }
    return { error: fail('INVALID_REQUEST', { message: misfit(result.error) }) }
  })
  // What we answer is typed and documented by its schema, and not cut down or checked once more.
  app.setSerializerCompiler(() => body => JSON.stringify(body))
  return app.withTypeProvider<ZodTypes>()
}
