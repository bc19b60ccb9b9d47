/**
 * The owner's answer to a command, sent to the inbox that the command's `Reply-To` header names, once
 * the decision is in the log (or once it is clear that nothing needed to change).
 */
import { z } from 'zod'

const accepted = z.looseObject({
  ok: z.literal(true),
  /** For a prompt: its message, and its place among the unfinished ones (1 = next), or null. */
  messageId: z.string().optional(),
  position: z.int().nullable().optional(),
  participantId: z.string().optional(),
  /** Of a pull request: what came of it is asked under this id. */
  requestId: z.string().optional(),
  /** The queue's version after a change of the queue. */
  version: z.int().optional(),
})
const refused = z.looseObject({
  ok: z.literal(false),
  code: z.string(),
  message: z.string(),
  /** With `QUEUE_VERSION_CONFLICT`: the queue's present version. */
  version: z.int().optional(),
})
export const reply = z.discriminatedUnion('ok', [accepted, refused])
export type Reply = z.infer<typeof reply>

/** A reply as it travels: with the record number at which it is true. */
export const envelopedReply = z.object({ v: z.literal(1), recordSeq: z.int(), reply })
export type EnvelopedReply = z.infer<typeof envelopedReply>
