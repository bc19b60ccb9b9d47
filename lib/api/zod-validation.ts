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

/** A sentence that names its field stands alone; before any other goes the field's path. */
const sentence = (issue: z.core.$ZodIssue): string => {
  const field = String(issue.path.findLast(key => typeof key === 'string') ?? '')
  const alone = issue.path.length === 0 || issue.message.includes(field)
  return alone ? issue.message : `${issue.path.join('.')}: ${issue.message}`
}

/** Makes `app` check with zod; what does not fit is `INVALID_REQUEST`, 400, with one sentence. */
export const validateWithZod = (app: FastifyInstance): App => {
  app.setValidatorCompiler<z.ZodType>(({ schema }) => value => {
    const result = schema.safeParse(value)
    if (result.success) return { value: result.data }
    const issue = result.error.issues[0]
    return { error: fail('INVALID_REQUEST', issue ? { message: sentence(issue) } : {}) }
  })
  // What we answer is typed and documented by its schema, and not cut down or checked once more.
  app.setSerializerCompiler(() => body => JSON.stringify(body))
  return app.withTypeProvider<ZodTypes>()
}
