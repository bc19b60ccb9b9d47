/**
 * What a decision has come to so far. The parts of a decision take turns adding events, and each
 * sees the state as the earlier ones left it. Lives for one call of `decide`.
 */
import type { SessionEvent } from '../../subjects/records.ts'
import { evolve } from './evolve.ts'
import { positionOf } from './lines.ts'
import type { SessionState } from './state.ts'

export type Draft = {
  /** The state after the events so far. */
  readonly state: SessionState
  readonly events: readonly SessionEvent[]
  add(...events: SessionEvent[]): void
}

/** A draft without events. */
export const draftOf = (initial: SessionState): Draft => {
  let state = initial
  const events: SessionEvent[] = []
  return {
    get state() {
      return state
    },
    events,
    add(...more) {
      for (const event of more) {
        events.push(event)
        state = evolve(state, event)
      }
    },
  }
}

/** Adds a line to the timeline: the next `sequence`, at its old place if it has been there before. */
export const addLine = (
  draft: Draft,
  line: {
    readonly eventId: string
    readonly messageId: string | null
    readonly atMs: number
    readonly event: { readonly type: string } & Record<string, unknown>
  },
): void => {
  const sequence = draft.state.sequence + 1
  const position = positionOf(draft.state.lines, line.eventId) ?? sequence
  // The type first, as in whoever reads the record from the log: rows hold the event as text, and are the
  // same whether they were written from memory or from the log.
  const { type, ...fields } = line.event
  const event = { type, ...fields }
  draft.add({ type: 'timeline', ...line, event, sequence, position })
}
