/**
 * Work that is done at least once, by id: published with a message id, taken from a work queue by one
 * of several processes, acknowledged when it is done. A job that fails for a passing reason comes back
 * later; one that can never be done goes to the dead letters. Nothing is dropped silently.
 */
import { AckPolicy, type ConsumerInfo, JetStreamApiError, type JsMsg } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import type { z } from 'zod'
import { JOB } from '../../subjects/streams.ts'
import type { DeadLetterKind, Pattern, Subject } from '../../subjects/subjects.ts'
import type { Bus } from './connect.ts'
import { deadLetter } from './dead-letter.ts'
import { ledBy, pauseFor } from './elections.ts'
import { busFailure, isWorthRetrying, patiently } from './failure.ts'
import { parseJson } from './json.ts'
import { pull } from './pull.ts'
import { retrying } from './retry.ts'

/** The earlier version says every 10 s that it is at a job: beside it, none may be given away sooner. */
const ACK_WAIT_MS = 12_000
/** So often it is said, within that time, that a job is worked at. */
const SIGNS_PER_ACK_WAIT = 4
const FIRST_RETRY_MS = 500
const MOST_RETRY_MS = 60_000
/** Between two requests for jobs when the first was refused, unless there is a new leader before. */
const PULL_AGAIN_MS = 200
/** Jobs of a consumer that are under way or wait for their next attempt: beyond them no new ones come. */
const MAX_WAITING = 10_000
const CONSUMER_EXISTS = 10_148

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
  /** When nats-server took it, in milliseconds since the epoch. */
  readonly storedMs: number
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
  /** How long after the death of a process another one takes its jobs; 12 s unless given. */
  readonly ackWaitMs?: number
  /** After so many attempts the job goes to the dead letters. */
  readonly attempts?: number
  /** True for what no further attempt can cure: the job goes to the dead letters at once. */
  readonly isHopeless?: (error: unknown) => boolean
  /** Does the job. What it throws is a failed attempt. */
  readonly run: (job: T, meta: JobMeta) => Promise<void>
  /** How long it is left alone after a failed attempt, in milliseconds; undefined: as usual. */
  readonly pauseMs?: (error: unknown) => number | undefined
  readonly onError?: (error: unknown, meta: JobMeta) => void
}

/** One that is there, of an earlier version, gets our options: it stays where it is. */
const declareConsumer = async <T>(bus: Bus, options: ConsumeJobs<T>): Promise<ConsumerInfo> => {
  const { stream, durable } = options
  const config = {
    filter_subject: options.filter,
    ack_wait: nanos(options.ackWaitMs ?? ACK_WAIT_MS),
    max_deliver: -1,
    max_ack_pending: MAX_WAITING,
  }
  const identity = { durable_name: durable, ack_policy: AckPolicy.Explicit }
  try {
    return await bus.jsm.consumers.add(stream, { ...identity, ...config })
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_EXISTS) throw error
    return bus.jsm.consumers.update(stream, durable, config)
  }
}

/** Under way in this process. `message`: as it was delivered last, the only one that is sure to count. */
type Job = { message: JsMsg; done?: Promise<void> }

/**
 * Takes jobs until the signal aborts, then finishes those under way and resolves. No more are asked for than
 * can be begun at once: one that waits is with nats-server, where any process may have it.
 */
export const consumeJobs = async <T>(bus: Bus, options: ConsumeJobs<T>): Promise<void> => {
  const { stream, durable, signal, concurrency } = options
  const consumer = bus.js.consumers.getConsumerFromInfo(
    await patiently(() => declareConsumer(bus, options)),
  )
  const led = { stream, consumer: durable }
  const jobs = new Map<number, Job>()
  const take = (message: JsMsg) => {
    const { seq } = message
    const known = jobs.get(seq)
    if (known) known.message = message
    // After a break more may come than was wanted.
    else if (signal.aborted || jobs.size >= concurrency) message.nak()
    else {
      const job: Job = { message }
      jobs.set(seq, job)
      job.done = attempt(bus, options, job).finally(() => jobs.delete(seq))
    }
  }
  const underWay = () => [...jobs.values()].map(({ done }) => done)
  while (!signal.aborted && !bus.nc.isClosed()) {
    const most = concurrency - jobs.size
    if (most === 0) await Promise.race(underWay())
    else if (!(await pull(bus, consumer, { led, most, signal, take }))) {
      await pauseFor(bus, led, PULL_AGAIN_MS)
    }
  }
  await Promise.all(underWay())
}

const attempt = async <T>(bus: Bus, options: ConsumeJobs<T>, job: Job): Promise<void> => {
  const { message } = job
  const meta = {
    attempt: message.info.deliveryCount,
    subject: message.subject,
    sequence: message.seq,
    storedMs: Math.floor(message.info.timestampNanos / 1_000_000),
  }
  const bury = async (reason: string) => {
    await deadLetter(bus, options.kind, {
      reason,
      subject: message.subject,
      sequence: message.seq,
      body: message.data,
      atMs: meta.storedMs,
    })
    job.message.term(reason.slice(0, 200))
  }
  const usualPauseMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(meta.attempt, 10), MOST_RETRY_MS)
  const later = (error: unknown) =>
    // Who is asked to stop may have failed for that reason: others try at once.
    options.signal.aborted
      ? job.message.nak()
      : job.message.nak(options.pauseMs?.(error) ?? usualPauseMs)
  const stillAtIt = setInterval(
    () => job.message.working(),
    (options.ackWaitMs ?? ACK_WAIT_MS) / SIGNS_PER_ACK_WAIT,
  )
  try {
    const schema =
      typeof options.schema === 'function' ? options.schema(message.subject) : options.schema
    const parsed = parseJson(schema, message.data)
    if (!parsed.ok) return await bury(parsed.reason)
    await options.run(parsed.value, meta)
    job.message.ack()
  } catch (error) {
    options.onError?.(error, meta)
    const hopeless = options.isHopeless?.(error) ?? false
    if (!hopeless && meta.attempt < (options.attempts ?? 20)) return later(error)
    await bury(error instanceof Error ? error.message : String(error)).catch(later)
  } finally {
    clearInterval(stillAtIt)
  }
}
