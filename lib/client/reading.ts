/**
 * What a person reads, in order. An agent's words of one prompt are one growing text, though it does
 * things in between; a tool call that says how much of the text came before it (`textOffset`, in
 * UTF-16 code units) lets the text be cut there again. Pure.
 */
import type { Line, TimelineEvent } from './lines.ts'

export type Item = {
  /** Stable over updates. */
  readonly key: string
  readonly event: TimelineEvent
  readonly growing: boolean
  /** For words: the piece that is read here. */
  readonly text?: string
}

const offsetOf = (event: TimelineEvent): number | undefined =>
  event.type === 'tool_call' && Number.isInteger(event.textOffset)
    ? (event.textOffset as number)
    : undefined

const textOf = (event: TimelineEvent): string =>
  typeof event.content === 'string' ? event.content : ''

/** Cuts the words of each message at the tool calls that came between them. */
export const readingOrder = (lines: readonly Line[]): readonly Item[] => {
  const words = new Map<unknown, Line>()
  for (const line of lines) {
    if (line.event.type === 'token') words.set(line.event.messageId, line)
  }
  /** Up to where each message's words were read already. */
  const read = new Map<unknown, number>()
  const items: Item[] = []
  const say = (line: Line, upTo: number, key: string, growing: boolean) => {
    const { messageId } = line.event
    const from = read.get(messageId) ?? 0
    const text = textOf(line.event).slice(from, upTo)
    read.set(messageId, Math.max(from, upTo))
    if (text.trim() !== '' || growing) items.push({ key, event: line.event, growing, text })
  }
  for (const line of lines) {
    const { event, growing } = line
    if (event.type === 'token') {
      // Sealed text of a message with several texts is read whole.
      const isNewest = words.get(event.messageId) === line
      if (isNewest) say(line, textOf(event).length, `words:${event.messageId}`, growing)
      else items.push({ key: line.id, event, growing, text: textOf(event) })
      continue
    }
    const offset = offsetOf(event)
    const spoken = offset === undefined ? undefined : words.get(event.messageId)
    if (spoken && offset !== undefined) say(spoken, offset, `before:${line.id}`, false)
    items.push({ key: line.id, event, growing })
  }
  return items
}
