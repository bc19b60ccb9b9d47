/** What cannot be decided is kept among the dead letters; only then does it leave the queue. */
import { setTimeout as pause } from 'node:timers/promises'
import { ERRORS, type ErrorCode } from '../../subjects/errors.ts'
import type { Reply } from '../../subjects/replies.ts'
import type { Bus } from '../bus/connect.ts'
import { deadLetter } from '../bus/dead-letter.ts'
import type { Delivery } from './delivery.ts'
import type { OwnerRoom } from './room.ts'

const AGAIN_MS = 500

/** Tells whoever waits for it what was decided, and at which record. */
export const sayReply = (bus: Bus, delivery: Delivery, reply: Reply, recordSeq: number): void => {
  if (delivery.replyTo) bus.nc.publish(delivery.replyTo, JSON.stringify({ v: 1, recordSeq, reply }))
}

/** Goes on trying while the partition is ours. */
export const giveUp = async (
  { bus, log }: Pick<OwnerRoom, 'bus' | 'log'>,
  delivery: Delivery,
  options: {
    readonly reason: string
    readonly code?: ErrorCode | undefined
    /** For whoever waits for the answer; by default the code's own sentence. */
    readonly message?: string | undefined
    readonly isOpen: () => boolean
  },
): Promise<void> => {
  const { reason, code = 'INVALID_REQUEST', message = ERRORS[code].text, isOpen } = options
  log.warn({ subject: delivery.subject, command: delivery.sequence, reason }, 'dead letter')
  while (isOpen()) {
    try {
      await deadLetter(bus, 'command', {
        reason,
        subject: delivery.subject,
        sequence: delivery.sequence,
        body: delivery.body,
        atMs: delivery.storedMs,
      })
      sayReply(bus, delivery, { ok: false, code, message }, 0)
      return delivery.settle()
    } catch (error) {
      log.warn({ error }, 'dead letter not written, trying again')
      await pause(AGAIN_MS)
    }
  }
}
