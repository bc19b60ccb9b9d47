/**
 * Cuts down a sandbox's event that is too large to be stored. What tells where it belongs stays; long
 * texts inside lose their end, and say so. Better a marked part than nothing, or the same event again
 * and again.
 */
import type { SandboxEvent } from '../../subjects/sandbox-event.ts'

/** What is kept whatever happens: the few short fields by which the core knows an event. */
const IDENTITY = [
  'type',
  'messageId',
  'callId',
  'tool',
  'status',
  'success',
  'sandboxId',
  'timestamp',
  'ackId',
  'run',
  'seq',
  'artifactType',
  'artifactId',
] as const

/** What an event says, where its type demands that something is said. */
const CONTENT = ['error', 'message', 'title', 'args', 'output', 'result'] as const
const LEFT_OUT = '[the content was too large and is left out]'

/** Characters that a text may keep, tried in this order until the event fits. */
const TRIES = [65_536, 8_192, 1_024, 128]
const ITEMS = 256

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '')

/** The text, or its beginning with a note of how much is missing. */
export const cutText = (text: string, chars: number): string =>
  text.length <= chars
    ? text
    : `${wholeCharacters(text.slice(0, chars))}\n… [${text.length - chars} of ${text.length} characters left out]`

/**
 * The text itself when its JSON has at most `maxBytes`; otherwise its beginning and, longer, its end: of an
 * answer that grew too long, the last words matter most.
 */
export const fitText = (text: string, maxBytes: number): string => {
  const bytes = sizeOf(text)
  if (bytes <= maxBytes) return text
  // Characters differ in size, so the first guess may still be too large.
  for (let chars = Math.floor((text.length * maxBytes) / bytes); chars > 0; chars >>= 1) {
    const head = wholeCharacters(text.slice(0, chars >> 2))
    const tail = text.slice(text.length - (chars >> 1)).replace(/^[\uDC00-\uDFFF]/, '')
    const missing = text.length - head.length - tail.length
    const shorter = `${head}\n… [${missing} of ${text.length} characters left out] …\n${tail}`
    if (sizeOf(shorter) <= maxBytes) return shorter
  }
  return ''
}

/** A cut may not split a surrogate pair: half of one is no valid UTF-8. */
const wholeCharacters = (text: string): string =>
  /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text

const cut = (value: unknown, chars: number): unknown => {
  if (typeof value === 'string') return cutText(value, chars)
  if (Array.isArray(value)) {
    const items = value.slice(0, ITEMS).map(item => cut(item, chars))
    const missing = value.length - items.length
    return missing > 0 ? [...items, `… [${missing} more left out]`] : items
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cut(inner, chars)]))
}

/**
 * The event itself when its JSON has at most `maxBytes`; otherwise one of the same type and identity
 * with `truncated: true` and its texts cut.
 */
export const shrinkEvent = (event: SandboxEvent, maxBytes: number): SandboxEvent => {
  if (sizeOf(event) <= maxBytes) return event
  for (const chars of TRIES) {
    const smaller = { ...(cut(event, chars) as SandboxEvent), truncated: true }
    if (sizeOf(smaller) <= maxBytes) return smaller
  }
  // Many small parts: only what says which event it was survives, with a note in place of the rest.
  const all = event as Readonly<Record<string, unknown>>
  const bare: Record<string, unknown> = { truncated: true }
  for (const key of IDENTITY) if (key in all) bare[key] = cut(all[key], 128)
  for (const key of CONTENT) if (key in all) bare[key] = LEFT_OUT
  return bare as SandboxEvent
}
