/**
 * What a sandbox has sent and the log does not hold yet, in order, and how it is cut into commands.
 *
 * Growing text is a row of its own that is written again and again. A command holds the newest text of
 * one row, which the core stores *before* the command's events. So the first text of a row must begin a
 * command, or the row would stand above things that were said before it; every later text of the row
 * only replaces what stands there, and may be merged with what came in between.
 */
import type { SandboxEvent } from '../../subjects/sandbox-event.ts'

/** The whole text of a running message so far. `timestamp` in seconds. */
export type GrowingText = {
  readonly messageId: string
  readonly content: string
  readonly timestamp?: number | null
}
type Row = { readonly messageId: string; text: GrowingText; stored: GrowingText | null }
type Item =
  | { readonly kind: 'event'; readonly event: SandboxEvent; readonly bytes: number }
  | { readonly kind: 'row'; readonly row: Row }

export type Batch = {
  readonly text: GrowingText | null
  readonly events: readonly SandboxEvent[]
  /** To be called once the batch is in the log. Until then the same batch may be taken again. */
  done(): void
}

export type Backlog = {
  /** Adds a stored event; `bytes` is its size as JSON. */
  push(event: SandboxEvent, bytes: number): void
  /** Replaces the text of a running message; it is stored with the next event. */
  say(text: GrowingText): void
  /** What the next command should hold, or undefined. `final`: also text that no event follows. */
  next(final: boolean): Batch | undefined
  /** Bytes of the events that wait. */
  bytes(): number
}

/** Ends a row: text of the same message that comes later stands in a row of its own. */
const SEALING: ReadonlySet<string> = new Set(['context_compacted', 'execution_complete'])

export const makeBacklog = (limits: {
  readonly batchEvents: number
  readonly batchBytes: number
}): Backlog => {
  let items: Item[] = []
  let bytes = 0
  /** The row that the next command's text belongs to, unless a row item comes first. */
  let head: Row | undefined
  /** The row that new text goes to. */
  let tail: Row | undefined

  const push = (event: SandboxEvent, size: number) => {
    items.push({ kind: 'event', event, bytes: size })
    bytes += size
    if (SEALING.has(event.type)) tail = undefined
  }

  const say = (text: GrowingText) => {
    if (tail?.messageId === text.messageId) {
      tail.text = text
      return
    }
    tail = { messageId: text.messageId, text, stored: null }
    items.push({ kind: 'row', row: tail })
  }

  const next = (final: boolean): Batch | undefined => {
    let row = head
    let taken = 0
    let size = 0
    let blocked = false
    const events: SandboxEvent[] = []
    for (const item of items) {
      if (item.kind === 'row') {
        if (events.length > 0 || (row && isUnstored(row))) {
          blocked = true
          break
        }
        row = item.row
      } else {
        const full = events.length >= limits.batchEvents || size + item.bytes > limits.batchBytes
        if (full && events.length > 0) break
        events.push(item.event)
        size += item.bytes
      }
      taken++
    }
    const text = row && isUnstored(row) ? row.text : null
    // Text alone is worth a command only when other text stands behind it, or nothing more will come.
    if (events.length === 0 && (!text || !(blocked || final))) return undefined
    const done = () => {
      items = items.slice(taken)
      bytes -= size
      head = row
      if (row && text) row.stored = text
    }
    return { text, events, done }
  }

  return { push, say, next, bytes: () => bytes }
}

const isUnstored = (row: Row): boolean => row.text !== row.stored
