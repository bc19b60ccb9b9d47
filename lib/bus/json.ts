/** JSON on the bus: parsed by a schema where it enters, never trusted before. */
import { z } from 'zod'
import { misfit } from '../../subjects/validation.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string; readonly message: string }

/**
 * Reads bytes as JSON of a schema. What does not fit is said in words: `reason` says all of it to us and
 * may quote what came, `message` says the first of it to the sender and quotes nothing.
 */
export const parseJson = <T>(schema: z.ZodType<T>, bytes: Uint8Array): Parsed<T> => {
  let raw: unknown
  try {
    raw = JSON.parse(decoder.decode(bytes))
  } catch (error) {
    const why = error instanceof Error ? error.message : error
    return { ok: false, reason: `not JSON: ${why}`, message: 'Not JSON in UTF-8' }
  }
  const parsed = schema.safeParse(raw)
  if (parsed.success) return { ok: true, value: parsed.data }
  const reason = z.prettifyError(parsed.error)
  return { ok: false, reason, message: misfit(parsed.error) ?? 'Not what the schema asks for' }
}
