/**
 * Writes commands into a session's inbox, and waits for the owner's answer where one is wanted.
 * A publish counts when the stream has acknowledged it, never before.
 */
import { headers, nuid } from '@nats-io/nats-core'
import { type CommandInput, command as commandSchema } from '../../subjects/commands.ts'
import { fail } from '../../subjects/errors.ts'
import { REPLY_TO, TRACE_ID } from '../../subjects/headers.ts'
import type { EnvelopedReply } from '../../subjects/replies.ts'
import { CMD } from '../../subjects/streams.ts'
import { commandSubject, sessionId } from '../../subjects/subjects.ts'
import { misfit } from '../../subjects/validation.ts'
import type { Bus } from './connect.ts'
import { ledBy, pauseFor } from './elections.ts'
import { busFailure, isWorthRetrying } from './failure.ts'
import { awaitReply } from './reply-inbox.ts'
import { retrying, steadyMs } from './retry.ts'

const DEADLINE_MS = 10_000
/** One attempt's wait for the stream's acknowledgement. */
const ACK_WITHIN_MS = 2_000
/** How long an owner may take before the same request is published again. */
const REPLY_WITHIN_MS = 3_000

export type PublishOptions = {
  /** Message id: the same within two minutes is stored once. Made up when absent. */
  readonly id?: string
  /** Core subject at which the owner answers. */
  readonly replyTo?: string
  readonly deadlineMs?: number
  readonly traceId?: string
}

/**
 * Publishes a command and waits until the stream has stored it, repeating under the same message id
 * while the bus does not answer.
 * @returns the command's sequence in CMD
 * @throws codes STREAM_FULL, PAYLOAD_TOO_LARGE, BUS_UNAVAILABLE (it may be stored all the same),
 * INVALID_REQUEST when the command does not fit its schema
 */
export const publishCommand = async (
  bus: Bus,
  sid: string,
  command: CommandInput,
  options: PublishOptions = {},
): Promise<{ readonly sequence: number; readonly duplicate: boolean }> => {
  const subject = commandSubject(sessionId(sid))
  const parsed = commandSchema.safeParse(command)
  if (!parsed.success) {
    throw fail('INVALID_REQUEST', { message: misfit(parsed.error), error: parsed.error })
  }
  const body = JSON.stringify(parsed.data)
  const head = headers()
  if (options.replyTo) head.set(REPLY_TO, options.replyTo)
  if (options.traceId) head.set(TRACE_ID, options.traceId)
  const msgID = options.id ?? nuid.next()
  try {
    return await retrying(
      async remainingMs => {
        const asked = bus.js.publish(subject, body, {
          msgID,
          headers: head,
          timeout: Math.min(ACK_WITHIN_MS, Math.ceil(remainingMs)),
        })
        const ack = await ledBy(bus, { stream: CMD }, asked)
        return { sequence: ack.seq, duplicate: ack.duplicate }
      },
      {
        deadlineMs: options.deadlineMs ?? DEADLINE_MS,
        retryable: isWorthRetrying,
        pause: ms => pauseFor(bus, { stream: CMD }, ms),
      },
    )
  } catch (error) {
    throw busFailure(error)
  }
}

/**
 * Publishes a command and waits for what the owner decided. When nobody answers in time the same
 * command is published again as a new message, so it must be one whose repetition changes nothing:
 * give it a `clientRequestId`.
 * @throws codes as {@link publishCommand}, and NO_OWNER when the deadline passes without an answer
 */
export const requestCommand = async (
  bus: Bus,
  sid: string,
  command: CommandInput,
  options: { readonly deadlineMs?: number; readonly traceId?: string } = {},
): Promise<EnvelopedReply> => {
  const end = steadyMs() + (options.deadlineMs ?? DEADLINE_MS)
  const awaited = awaitReply(bus.nc)
  let stored = false
  try {
    for (;;) {
      const remainingMs = end - steadyMs()
      if (remainingMs <= 0) throw fail('NO_OWNER', { sid })
      await publishCommand(bus, sid, command, {
        replyTo: awaited.subject,
        deadlineMs: remainingMs,
        ...(options.traceId === undefined ? {} : { traceId: options.traceId }),
      }).catch(error => {
        // It is in the inbox already; what nobody did is answer.
        throw stored ? fail('NO_OWNER', { sid, error }) : error
      })
      stored = true
      const waitMs = Math.max(0, Math.min(REPLY_WITHIN_MS, end - steadyMs()))
      const reply = await within(awaited.reply, waitMs)
      if (reply) return reply
    }
  } finally {
    awaited.close()
  }
}

/** The promise's value, or undefined when it takes longer. */
const within = async <T>(promise: Promise<T>, ms: number): Promise<T | undefined> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(resolve, ms, undefined)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
