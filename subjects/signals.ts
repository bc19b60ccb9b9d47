/**
 * Signals: soft state on core NATS. A lost one is repaired by the next, none is ever needed to be
 * right.
 */
import { z } from 'zod'

const text = z.string()

/**
 * On `text.<sid>`: a sandbox's event that people see and nobody stores. A `token` holds the whole text
 * of its running message so far, at most one per 50 ms a message; `step_start` and `step_finish` pass.
 */
export const textSignal = z.object({
  v: z.literal(1),
  generation: z.int(),
  event: z.looseObject({ type: text, messageId: text.nullish() }),
})
export type TextSignal = z.infer<typeof textSignal>

/** One authenticated socket of a client. */
export const socketPresence = z.object({
  connectionId: text,
  clientId: text.nullable(),
  participantId: text,
  userId: text,
  name: text,
  avatar: text.nullable(),
  status: z.enum(['active', 'idle']),
  lastSeenMs: z.int(),
})
export type SocketPresence = z.infer<typeof socketPresence>

/** How often an edge repeats its sockets, and after what silence an edge's sockets are forgotten. */
export const PRESENCE_EVERY_MS = 10_000
export const PRESENCE_FORGET_MS = 30_000

/** On `presence.<p>.<sid>`: *all* sockets of one edge in one session; an empty list is good-bye. */
export const presenceSignal = z.object({
  v: z.literal(1),
  edge: text,
  sockets: z.array(socketPresence),
})
export type PresenceSignal = z.infer<typeof presenceSignal>

/** On `beat.<p>.<sid>`. */
export const beatSignal = z.object({ v: z.literal(1), generation: z.int(), atMs: z.int() })
export type BeatSignal = z.infer<typeof beatSignal>

/** On `owner.<p>`. */
export const ownerSignal = z.object({ v: z.literal(1), owner: text, epoch: z.int() })
export type OwnerSignal = z.infer<typeof ownerSignal>
