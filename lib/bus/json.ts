/** JSON on the bus: parsed by a schema where it enters, never trusted before. */
import { z } from 'zod'

const decoder = new TextDecoder('utf-8', { fatal: true })

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string }

/** Reads bytes as JSON of a schema; `reason` says in words for people what does not fit. */
export const parseJson = <T>(schema: z.ZodType<T>, bytes: Uint8Array): Parsed<T> => {
  let raw: unknown
  try {
    raw = JSON.parse(decoder.decode(bytes))
  } catch (error) {
    return { ok: false, reason: `not JSON: ${error instanceof Error ? error.message : error}` }
  }
  const parsed = schema.safeParse(raw)
  return parsed.success
    ? { ok: true, value: parsed.data }
    : { ok: false, reason: z.prettifyError(parsed.error) }
}
