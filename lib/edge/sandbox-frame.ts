/**
 * Reads a frame of a sandbox. What does not fit a known type is not stored. Where the sandbox would send
 * it again until it is acknowledged, a warning is stored in its place, which the people see and by which
 * the sandbox is rid of it.
 */
import { parseSandboxEvent, type SandboxEvent } from '../../subjects/sandbox-event.ts'

export type ReadFrame =
  | { readonly ok: true; readonly event: SandboxEvent }
  | { readonly ok: false; readonly reason: string; readonly instead: SandboxEvent | null }

export const readSandboxFrame = (text: string): ReadFrame => {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    return { ok: false, reason: 'not JSON', instead: null }
  }
  const parsed = parseSandboxEvent(raw)
  return parsed.ok ? parsed : { ...parsed, instead: warningInstead(raw, parsed.reason) }
}

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
