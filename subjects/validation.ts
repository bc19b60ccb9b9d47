/** What to say to the sender of what does not fit its schema. Browser-safe. */
import type * as z from 'zod'

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
