/**
 * Prompts that were typed and not answered yet. Each has an id of its own, under which it is sent
 * again over every new socket until the answer is there: the same id twice is one prompt. They are
 * sent one at a time, so that they are queued in the order in which they were typed. Pure.
 */
import * as z from 'zod'

export const outgoing = z.object({
  clientRequestId: z.string(),
  content: z.string(),
  /** Why it was refused; null while it is on its way. */
  refusal: z.object({ code: z.string(), message: z.string() }).nullable(),
})
export type Outgoing = z.infer<typeof outgoing>
export type Outbox = readonly Outgoing[]

/** Refusals that say "not just now": the prompt stays on its way. */
const PASSING: ReadonlySet<string> = new Set([
  'NO_OWNER',
  'BUS_UNAVAILABLE',
  'STREAM_FULL',
  'RATE_LIMITED',
  'SYNC_FAILED',
])
export const isPassing = (code: string): boolean => PASSING.has(code)

export const withPrompt = (outbox: Outbox, clientRequestId: string, content: string): Outbox => [
  ...outbox,
  { clientRequestId, content, refusal: null },
]

export const without = (outbox: Outbox, clientRequestId: string): Outbox =>
  outbox.filter(one => one.clientRequestId !== clientRequestId)

export const refused = (
  outbox: Outbox,
  clientRequestId: string,
  refusal: { code: string; message: string },
): Outbox =>
  outbox.map(one => (one.clientRequestId === clientRequestId ? { ...one, refusal } : one))

/** What is to be sent now. */
export const next = (outbox: Outbox): Outgoing | undefined =>
  outbox.find(({ refusal }) => refusal === null)

/** Reads what a page kept over a reload; nothing when it is not what we wrote. */
export const readOutbox = (kept: string | null): Outbox => {
  if (kept === null) return []
  try {
    return z.array(outgoing).parse(JSON.parse(kept))
  } catch {
    return []
  }
}
