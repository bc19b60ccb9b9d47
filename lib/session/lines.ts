/**
 * Where lines that may come again (tool calls, growing text) stand in the timeline. A line that is
 * sent again replaces the earlier one and keeps its position, so positions must be remembered while
 * that can happen: for the prompt that runs and the one before it. A prompt may make ten thousand
 * tool calls, and one more must not copy ten thousand entries: they lie in many small buckets, which
 * are arrays, because an array is copied much faster than an object of the same size.
 */
const BUCKETS = 256

type Entry = readonly [eventId: string, position: number]
/** Entries spread over buckets by a hash of the event id. */
type Positions = readonly (readonly Entry[])[]

export type Lines = Readonly<{
  /** Since the newest prompt started. */
  current: Positions
  /** Of the prompt before it: its last words may come late. */
  previous: Positions
  /** How often the text of a message was sealed by a compaction; further text is a line of its own. */
  sealed: Readonly<{ messageId: string; count: number }> | null
}>

export const noLines: Lines = { current: [], previous: [], sealed: null }

const bucketOf = (eventId: string): number => {
  let hash = 0
  for (let i = 0; i < eventId.length; i++) hash = Math.imul(hash, 31) + eventId.charCodeAt(i)
  return (hash >>> 0) % BUCKETS
}

const find = (positions: Positions, eventId: string): number | undefined =>
  positions[bucketOf(eventId)]?.find(entry => entry[0] === eventId)?.[1]

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
    : Array.from({ length: BUCKETS }, (): readonly Entry[] => [])
  const index = bucketOf(eventId)
  current[index] = [...(current[index] ?? []), [eventId, position]]
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
