/** Parts of query strings that several lists share. */
import { z } from 'zod'
import { fail } from '../../subjects/errors.ts'
import { isSessionId } from '../../subjects/subjects.ts'

/** A page's size: garbage means the default, anything else is clamped to 1 … `most`. */
export const pageLimit = (byDefault: number, most: number) =>
  z
    .unknown()
    .optional()
    .transform(given =>
      typeof given === 'string' && /^-?[0-9]+$/.test(given)
        ? Math.min(most, Math.max(1, Number(given)))
        : byDefault,
    )

/** One text, for a parameter that stands in the query once. */
export const one = (name: string) => z.string({ error: `Invalid ${name}` }).optional()

/** One or more of a closed list; the query may repeat the parameter. */
export const several = <const T extends readonly [string, ...string[]]>(name: string, of: T) =>
  z
    .union([z.enum(of).transform(value => [value]), z.array(z.enum(of))], {
      error: `Invalid ${name}`,
    })
    .optional()

/** As {@link several}, of any texts. */
export const texts = (name: string) =>
  z
    .union([z.string().transform(value => [value]), z.array(z.string())], {
      error: `Invalid ${name}`,
    })
    .optional()

/** `:id` of a path. What cannot be an id of a session is an unknown session, not a bad request. */
const sessionId = z.string().transform(id => {
  if (!isSessionId(id)) throw fail('SESSION_NOT_FOUND')
  return id
})
export const sessionParams = z.object({ id: sessionId })

/** `:id` and `:messageId`. What cannot be the id of a prompt is an unknown one. */
export const promptParams = z.object({
  id: sessionId,
  messageId: z.string().transform(id => {
    if (id === '' || id.length > 128) throw fail('PROMPT_NOT_FOUND')
    return id
  }),
})
