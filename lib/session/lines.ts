/**
 * Where lines that may come again (tool calls, growing text) stand in the timeline. A line that is
 * sent again replaces the earlier one and keeps its position, so positions must be remembered while
 * that can happen: for the prompt that runs and the one before it. Kept in small buckets, because a
 * prompt may make ten thousand tool calls and an update must not copy ten thousand entries.
 */
import { fnv1a32 } from '../../subjects/partition.ts'

const BUCKETS = 64

/** Positions by event id, spread over buckets by the id's hash. */
type Positions = readonly Readonly<Record<string, number>>[]

export type Lines = Readonly<{
  /** Since the newest prompt started. */
  current: Positions
  /** Of the prompt before it: its last words may come late. */
  previous: Positions
  /** How often the text of a message was sealed by a compaction; further text is a line of its own. */
  sealed: Readonly<{ messageId: string; count: number }> | null
}>

export const noLines: Lines = { current: [], previous: [], sealed: null }

const bucketOf = (eventId: string): number => fnv1a32(eventId) % BUCKETS
const find = (positions: Positions, eventId: string): number | undefined => {
  const bucket = positions[bucketOf(eventId)]
  return bucket && Object.hasOwn(bucket, eventId) ? bucket[eventId] : undefined
}

/** The position at which a line stands, or undefined for one that is new (or long forgotten). */
export const positionOf = (lines: Lines, eventId: string): number | undefined =>
  find(lines.current, eventId) ?? find(lines.previous, eventId)

/** Only what may be sent again is worth remembering. */
const mayComeAgain = (eventId: string): boolean => /^(?:tool_call|token):/.test(eventId)

/** Remembers where a line stands. */
export const withPosition = (lines: Lines, eventId: string, position: number): Lines => {
  if (!mayComeAgain(eventId) || positionOf(lines, eventId) !== undefined) return lines
  const current = lines.current.length
    ? lines.current.slice()
    : Array.from({ length: BUCKETS }, () => ({}))
  const index = bucketOf(eventId)
  current[index] = { ...current[index], [eventId]: position }
  return { ...lines, current }
}

/** A new prompt has started: the one before becomes the previous. */
export const nextPrompt = (lines: Lines): Lines => ({
  ...lines,
  current: [],
  previous: lines.current,
})

/** The text of a message ends here; what follows is a new line. */
export const withSeal = (lines: Lines, messageId: string): Lines => ({
  ...lines,
  sealed: {
    messageId,
    count: (lines.sealed?.messageId === messageId ? lines.sealed.count : 0) + 1,
  },
})

/** The id of the line that holds a message's text at present. */
export const tokenLineId = (lines: Lines, messageId: string): string =>
  lines.sealed?.messageId === messageId
    ? `token:${messageId}:${lines.sealed.count}`
    : `token:${messageId}`
