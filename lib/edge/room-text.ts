/**
 * The growing text of one room's running prompt. It comes over core NATS from the edge that holds the
 * sandbox's socket, is kept newest only, and is passed to sockets that keep up. What is stored comes
 * through the records; text here that is longer than the stored one is shown again after it.
 */
import { z } from 'zod'
import type { SessionEvent } from '../../subjects/records.ts'
import { type TextSignal, textSignal } from '../../subjects/signals.ts'
import { type SessionId, textAskSubject, textSubject } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { followSignals, publishSignal } from '../bus/signal.ts'
import type { SessionView } from '../session/view.ts'

export type RoomText = {
  /** Asks the sandbox's edge to say the present text. */
  ask(): void
  /** The newest text as a frame, for a socket that has just joined, or undefined. */
  newest(): string | undefined
  /** Takes note of a stored event, after it went out. */
  onStored(event: SessionEvent): void
  close(): void
}

/** What {@link textAskSubject} carries: nothing but its version. */
const textAsk = z.object({ v: z.literal(1) })

export const makeRoomText = (
  bus: Bus,
  sid: SessionId,
  room: {
    readonly view: () => SessionView | undefined
    readonly publish: (json: string) => void
    readonly onAsked: () => void
  },
): RoomText => {
  let newest:
    | { readonly messageId: string; readonly content: string; readonly json: string }
    | undefined

  const onText = ({ generation, event }: TextSignal) => {
    const view = room.view()
    // Words of a sandbox that was replaced, or of a prompt that is over, would stand there for ever.
    if (!view || generation !== view.sandbox.generation) return
    const messageId = event.messageId ?? view.running?.messageId
    if (!messageId || messageId !== view.running?.messageId) return
    if (event.type !== 'token') {
      room.publish(JSON.stringify({ type: 'sandbox_event', event }))
      return
    }
    const eventId = `token:${messageId}`
    const json = JSON.stringify({ type: 'sandbox_event', eventId, event })
    newest = { messageId, content: String(event.content ?? ''), json }
    room.publish(json)
  }
  const texts = followSignals(bus, textSubject(sid), textSignal, onText)
  const asks = followSignals(bus, textAskSubject(sid), textAsk, room.onAsked)

  const isOver = (event: SessionEvent): boolean =>
    (event.type === 'prompt_finished' && event.messageId === newest?.messageId) ||
    (event.type === 'timeline' && event.event.type === 'context_compacted')

  return {
    ask: () => publishSignal(bus, textAskSubject(sid), { v: 1 }),
    newest: () => newest?.json,
    onStored: event => {
      if (!newest) return
      if (isOver(event)) {
        newest = undefined
        return
      }
      if (event.type !== 'timeline' || event.eventId !== `token:${newest.messageId}`) return
      const stored = String(event.event.content ?? '')
      if (newest.content.length > stored.length && newest.content.startsWith(stored)) {
        room.publish(newest.json)
      } else {
        newest = undefined
      }
    },
    close: () => {
      texts.close()
      asks.close()
    },
  }
}
