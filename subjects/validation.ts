/** What to say to the sender of what does not fit its schema. Browser-safe. */
import type * as z from 'zod'

/** So deep may a command be nested, and an event of a sandbox, which lies inside one. */
export const COMMAND_LEVELS = 100
export const EVENT_LEVELS = 64

/**
 * Whether a JSON value is nested deeper than `levels`. What has no schema of its own may come from outside in
 * any depth, and `JSON.stringify` gives up on some thousands of levels: on how many, only the process knows.
 */
export const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some(one => isDeeper(one, levels - 1)))

/** The keys of what was sent may be long, and stand in the sentence. */
const MOST_CHARS = 200

/**
 * The first thing that does not fit: which field, and why, as one short sentence. It may name keys that
 * were sent, and never a value. A sentence that names its field stands alone; before any other goes the
 * field's path.
 */
export const misfit = (error: z.core.$ZodError): string | undefined => {
  const [issue] = error.issues
  if (!issue) return undefined
  const { path } = issue
  // Of a type that nobody knows, zod says no more than that it is invalid.
  const isUnknown = issue.code === 'invalid_union' && issue.errors.length === 0
  const message = isUnknown ? 'Not a known value' : issue.message
  const field = String(path.findLast(key => typeof key === 'string') ?? '')
  const alone = path.length === 0 || message.split(/\W+/).includes(field)
  const text = alone ? message : `${path.join('.')}: ${message}`
  return text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS)}…` : text
}
