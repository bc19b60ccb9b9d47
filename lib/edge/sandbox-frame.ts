/**
 * Reads a frame of a sandbox, and cuts down what is too large to go on. What does not fit a known type is not stored. Where the sandbox would send
 * it again until it is acknowledged, a warning is stored in its place, which the people see and by which
 * the sandbox is rid of it.
 */
import { parseSandboxEvent, type SandboxEvent } from '../../subjects/sandbox-event.ts'
import { EVENT_BYTES, TEXT_BYTES } from './limits.ts'
import { fitText, shrinkEvent } from './shrink.ts'

export type ReadFrame =
  | { readonly ok: true; readonly event: SandboxEvent }
  | { readonly ok: false; readonly reason: string; readonly instead: SandboxEvent | null }

/** @param bytes the size of `text` in UTF-8 */
export const readSandboxFrame = (text: string, bytes: number): ReadFrame => {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    return { ok: false, reason: 'not JSON', instead: null }
  }
  const parsed = parseSandboxEvent(raw)
  if (!parsed.ok) return { ...parsed, instead: warningInstead(raw, parsed.reason) }
  return { ok: true, event: bytes > EVENT_BYTES ? fitted(parsed.event) : parsed.event }
}

/** Growing text is not an event of its own in the log, and may be longer than one. */
const fitted = (event: SandboxEvent): SandboxEvent =>
  event.type === 'token'
    ? {
        ...shrinkEvent({ ...event, content: '' }, EVENT_BYTES),
        content: fitText(String(event.content), TEXT_BYTES),
      }
    : shrinkEvent(event, EVENT_BYTES)

const warningInstead = (raw: unknown, reason: string): SandboxEvent | null => {
  const { type, ackId, run, seq, timestamp } = (raw ?? {}) as Record<string, unknown>
  const said = typeof type === 'string' ? type.slice(0, 64) : 'unnamed'
  const warning = parseSandboxEvent({
    type: 'warning',
    scope: 'protocol',
    message: `The sandbox sent a malformed ${said} event, which is left out: ${reason.slice(0, 500)}`,
    ackId,
    run,
    seq,
    timestamp: typeof timestamp === 'number' ? timestamp : undefined,
  })
  return ackId !== undefined && warning.ok ? warning.event : null
}
