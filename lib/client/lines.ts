/**
 * The timeline as a person reads it: lines in order, each of which may come again and then replaces
 * what it was. A tool call keeps the place where it first stood; the text of a message stands where it
 * last grew, so that an answer that goes on after a tool call is read after it. Pure.
 */
import type { TimelineItem } from '../../subjects/frames-server.ts'

export type TimelineEvent = TimelineItem['event']

export type Line = {
  readonly id: string
  /** Where it stands; lines are sorted by it. */
  readonly order: number
  readonly event: TimelineEvent
  /** Text that is still being written, and not stored yet. */
  readonly growing: boolean
}

const isText = (event: TimelineEvent): boolean => event.type === 'token'
const messageOf = (event: TimelineEvent): string => String(event.messageId ?? '')
const textOf = (event: TimelineEvent): string =>
  typeof event.content === 'string' ? event.content : ''

/** Updates are nearly always among the newest lines, so look from the end. */
const indexOf = (lines: readonly Line[], id: string): number =>
  lines.findLastIndex(line => line.id === id)

const insert = (lines: readonly Line[], line: Line): readonly Line[] => {
  const before = lines.findLastIndex(other => other.order <= line.order)
  return lines.toSpliced(before + 1, 0, line)
}

const without = (lines: readonly Line[], id: string): readonly Line[] => {
  const at = indexOf(lines, id)
  return at < 0 ? lines : lines.toSpliced(at, 1)
}

const growingId = (messageId: string) => `growing:${messageId}`

/** What is left to show of growing text once some of it is stored; undefined when that is all. */
const rest = (growing: Line | undefined, stored: TimelineEvent): Line | undefined => {
  const more = growing && textOf(growing.event).length > textOf(stored).length
  return more ? growing : undefined
}

/** Puts a stored line in, or in the place of what it was. */
export const withStored = (lines: readonly Line[], item: TimelineItem): readonly Line[] => {
  const { eventId: id, event } = item
  if (!isText(event)) {
    const line = { id, order: item.timelineSequence, event, growing: false }
    const at = indexOf(lines, id)
    if (at >= 0) return lines.with(at, { ...line, order: lines[at]?.order ?? line.order })
    return insert(lines, line)
  }
  const temporary = growingId(messageOf(event))
  const growing = lines[indexOf(lines, temporary)]
  const stored = insert(without(without(lines, id), temporary), {
    id,
    order: item.sequence,
    event,
    growing: false,
  })
  // Text that has grown further in the meantime includes what is now stored, and replaces it.
  const further = rest(growing, event)
  return further ? withGrowing(stored, further.event) : stored
}

/**
 * Shows the newest text of a running message, at the end. `event.content` is the whole text so far:
 * while its stored beginning is a line, that line is what grows.
 */
export const withGrowing = (lines: readonly Line[], event: TimelineEvent): readonly Line[] => {
  const messageId = messageOf(event)
  const id = growingId(messageId)
  const last = lines.findLast(
    line => isText(line.event) && messageOf(line.event) === messageId && line.id !== id,
  )
  const text = textOf(event)
  if (last && textOf(last.event).startsWith(text)) return lines
  const others = without(lines, id)
  const shown = { id, order: Number.MAX_SAFE_INTEGER, event, growing: true }
  const grows = last && text.startsWith(textOf(last.event))
  return [...(grows ? without(others, last.id) : others), shown]
}

/** The message is over: text that was never stored stays where it is, but grows no more. */
export const withoutGrowing = (lines: readonly Line[], messageId: string): readonly Line[] =>
  without(lines, growingId(messageId))

/** Puts older lines, oldest first, before all that is there. */
export const withEarlier = (
  lines: readonly Line[],
  earlier: readonly { readonly id: string; readonly event: TimelineEvent }[],
): readonly Line[] => {
  const known = new Set(lines.map(line => line.id))
  const fresh = earlier.filter(({ id }) => !known.has(id))
  const first = (lines[0]?.order ?? 1) - fresh.length
  return [
    ...fresh.map(({ id, event }, i) => ({ id, order: first + i, event, growing: false })),
    ...lines,
  ]
}
