/** A command that was delivered, with what its envelope says; or only its place in the work queue. */
import type { JsMsg, StoredMsg } from '@nats-io/jetstream'
import type { MsgHdrs } from '@nats-io/nats-core'
import { REPLY_TO } from '../../subjects/headers.ts'
import { CMD } from '../../subjects/streams.ts'
import { isInbox } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { isWorthRetrying } from '../bus/failure.ts'
import { retrying } from '../bus/retry.ts'

/** One of very many that wait: to be read again when its turn comes. */
export type Parked = {
  readonly sequence: number
  /** Takes it out of the work queue. */
  readonly settle: () => void
}
export type Delivery = Parked & {
  readonly subject: string
  readonly storedMs: number
  readonly body: Uint8Array
  readonly replyTo: string | undefined
}

const READ_WITHIN_MS = 5_000
const NO_MESSAGE = 10_037

// Anybody may write a command: an answer must not be a way to write into a stream.
const replyIn = (headers: MsgHdrs | undefined): string | undefined => {
  const replyTo = headers?.get(REPLY_TO)
  return replyTo && isInbox(replyTo) ? replyTo : undefined
}

export const readDelivery = (message: JsMsg, settle: () => void): Delivery => ({
  subject: message.subject,
  sequence: message.seq,
  storedMs: Number(message.timestampNanos / 1_000_000n),
  body: message.data,
  replyTo: replyIn(message.headers),
  settle,
})

/**
 * Reads a parked command from the stream.
 * @returns undefined when it is not there any more
 * @throws what NATS answers
 */
export const unpark = async (bus: Bus, parked: Parked): Promise<Delivery | undefined> => {
  const { sequence, settle } = parked
  let message: StoredMsg | null
  try {
    message = await retrying(() => bus.jsm.streams.getMessage(CMD, { seq: sequence }), {
      deadlineMs: READ_WITHIN_MS,
      retryable: isWorthRetrying,
    })
  } catch (error) {
    if ((error as { code?: unknown }).code === NO_MESSAGE) return undefined
    throw error
  }
  if (!message) return undefined
  const { subject, data: body, header } = message
  return {
    subject,
    sequence,
    storedMs: message.time.getTime(),
    body,
    replyTo: replyIn(header),
    settle,
  }
}
