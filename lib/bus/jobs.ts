/**
 * Work that is done at least once, by id: published with a message id, taken from a work queue by one
 * of several processes, acknowledged when it is done. A job that fails for a passing reason comes back
 * later; one that can never be done goes to the dead letters. Nothing is dropped silently.
 */
import { AckPolicy, type JsMsg } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import type { z } from 'zod'
import { JOB } from '../../subjects/streams.ts'
import type { DeadLetterKind, Pattern, Subject } from '../../subjects/subjects.ts'
import type { Bus } from './connect.ts'
import { deadLetter } from './dead-letter.ts'
import { ledBy, pauseFor } from './elections.ts'
import { busFailure, isWorthRetrying, patiently } from './failure.ts'
import { parseJson } from './json.ts'
import { retrying } from './retry.ts'

const ACK_WAIT_MS = 30_000
const FIRST_RETRY_MS = 500
const MOST_RETRY_MS = 60_000

/**
 * Publishes a job; the same id within the stream's duplicate window is stored once.
 * @param options.stream the one that stores it, JOB unless given
 */
export const publishJob = async (
  bus: Bus,
  subject: Subject,
  payload: object,
  id: string,
  options: { readonly deadlineMs?: number; readonly stream?: string } = {},
): Promise<void> => {
  const { stream = JOB } = options
  try {
    const body = JSON.stringify(payload)
    await retrying(() => ledBy(bus, { stream }, bus.js.publish(subject, body, { msgID: id })), {
      deadlineMs: options.deadlineMs ?? 10_000,
      retryable: isWorthRetrying,
      pause: ms => pauseFor(bus, { stream }, ms),
    })
  } catch (error) {
    throw busFailure(error)
  }
}

export type JobMeta = {
  readonly attempt: number
  readonly subject: string
  /** Names the job: the same whenever it comes back. */
  readonly sequence: number
}

export type ConsumeJobs<T> = {
  readonly stream: string
  /** Name of the durable consumer: processes that share it share the work. */
  readonly durable: string
  readonly filter: Pattern | Subject
  readonly schema: z.ZodType<T> | ((subject: string) => z.ZodType<T>)
  readonly kind: DeadLetterKind
  readonly signal: AbortSignal
  /** Jobs at the same time in this process. */
  readonly concurrency: number
  /** How long after the death of a process another one takes its jobs; 30 s unless given. */
  readonly ackWaitMs?: number
  /** After so many attempts the job goes to the dead letters. */
  readonly attempts?: number
  /** True for what no further attempt can cure: the job goes to the dead letters at once. */
  readonly isHopeless?: (error: unknown) => boolean
  /** Does the job. What it throws is a failed attempt. */
  readonly run: (job: T, meta: JobMeta) => Promise<void>
  readonly onError?: (error: unknown, meta: JobMeta) => void
}

/** Takes jobs until the signal aborts, then finishes those under way and resolves. */
export const consumeJobs = async <T>(bus: Bus, options: ConsumeJobs<T>): Promise<void> => {
  const { stream, durable, signal } = options
  await patiently(() =>
    bus.jsm.consumers.add(stream, {
      durable_name: durable,
      filter_subject: options.filter,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(options.ackWaitMs ?? ACK_WAIT_MS),
      max_deliver: -1,
      max_ack_pending: 1_000,
    }),
  )
  const consumer = await patiently(() => bus.js.consumers.get(stream, durable))
  const running = new Set<Promise<void>>()
  const messages = await consumer.consume({ max_messages: options.concurrency, expires: 5_000 })
  const stop = () => messages.stop()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  for await (const message of messages) {
    const job = attempt(bus, options, message).finally(() => running.delete(job))
    running.add(job)
    if (running.size >= options.concurrency) await Promise.race(running)
  }
  signal.removeEventListener('abort', stop)
  await Promise.all(running)
}

const attempt = async <T>(bus: Bus, options: ConsumeJobs<T>, message: JsMsg): Promise<void> => {
  const meta = {
    attempt: message.info.deliveryCount,
    subject: message.subject,
    sequence: message.seq,
  }
  const bury = async (reason: string) => {
    await deadLetter(bus, options.kind, {
      reason,
      subject: message.subject,
      sequence: message.seq,
      body: message.data,
      atMs: Math.floor(message.info.timestampNanos / 1_000_000),
    })
    message.term(reason.slice(0, 200))
  }
  const later = () =>
    message.nak(Math.min(FIRST_RETRY_MS * 2 ** Math.min(meta.attempt, 10), MOST_RETRY_MS))
  const stillAtIt = setInterval(() => message.working(), (options.ackWaitMs ?? ACK_WAIT_MS) / 3)
  try {
    const schema =
      typeof options.schema === 'function' ? options.schema(message.subject) : options.schema
    const parsed = parseJson(schema, message.data)
    if (!parsed.ok) return await bury(parsed.reason)
    await options.run(parsed.value, meta)
    message.ack()
  } catch (error) {
    options.onError?.(error, meta)
    const hopeless = options.isHopeless?.(error) ?? false
    if (!hopeless && meta.attempt < (options.attempts ?? 20)) return later()
    await bury(error instanceof Error ? error.message : String(error)).catch(later)
  } finally {
    clearInterval(stillAtIt)
  }
}
