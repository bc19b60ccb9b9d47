/**
 * What one client has seen of a session, as running hashes: every stored line that came, in the order in
 * which it came. A hash covers a stretch `from` … `to` of the session's sequence; a client that was told to
 * begin anew (`recovered: false`) begins another. The log must give the same hash for the same stretch.
 */
import { createHash } from 'node:crypto'
import type { ServerFrame } from '../../subjects/frames-server.ts'
import type { SessionRecord } from '../../subjects/records.ts'

type Line = {
  readonly sequence: number
  readonly eventId: string
  readonly position: number
  readonly event: object
}

export type Stretch = { readonly from: number; to: number; hash: string }

export type Witness = {
  see(frame: ServerFrame): void
  readonly stretches: readonly Stretch[]
}

/** The same for the same value, whatever the order of its fields. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  const sorted = fields.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([name, field]) => `${name}:${canonical(field)}`).join()}}`
}

const next = (hash: string, { sequence, eventId, position, event }: Line): string =>
  createHash('sha256')
    .update(`${hash} ${sequence} ${eventId} ${position} ${canonical(event)}`)
    .digest('hex')

export const makeWitness = (onWrong: (text: string) => void): Witness => {
  const stretches: Stretch[] = []
  const take = (line: Line) => {
    const now = stretches.at(-1)
    if (!now) return onWrong(`line ${line.sequence} before the session`)
    if (line.sequence !== now.to + 1) onWrong(`line ${line.sequence} came after ${now.to}`)
    now.hash = next(now.hash, line)
    now.to = line.sequence
  }
  return {
    stretches,
    see: frame => {
      if (frame.type === 'subscribed') {
        if (!frame.recovered) {
          stretches.push({ from: frame.sequence, to: frame.sequence, hash: '' })
        } else {
          for (const { timelineSequence: position, ...line } of frame.timeline.events) {
            take({ ...line, position })
          }
        }
      } else if (frame.type === 'sandbox_event' && frame.sequence !== undefined) {
        const { sequence, eventId = '', timelineSequence: position = 0, event } = frame
        take({ sequence, eventId, position, event })
      }
    },
  }
}

/** All stored lines of a log, in order. */
export const linesOf = (records: readonly SessionRecord[]): Line[] =>
  records.flatMap(record => record.events.filter(event => event.type === 'timeline'))

/** The hash of the lines after `from` up to `to`. */
export const hashOf = (lines: readonly Line[], { from, to }: Stretch): string =>
  lines
    .filter(({ sequence }) => sequence > from && sequence <= to)
    .reduce((hash, line) => next(hash, line), '')
