/**
 * One completion callback (spec 3.7): what a bot is told, signed so that it can tell us from others.
 */
import { createHmac } from 'node:crypto'
import { fail } from '../../subjects/errors.ts'
import type { CallbackJob } from '../../subjects/jobs.ts'

/** A bot that takes longer has not heard it. */
const WITHIN_MS = 10_000
/** Refusals that pass: the bot is busy, not of another opinion. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429])

export type Sending = {
  readonly secret: string
  /** Aborted: the attempt is given up, and the job comes again. */
  readonly signal: AbortSignal
}

/**
 * The body: `signature` is the hex HMAC-SHA256, under the secret, of the JSON of all other fields in
 * the order in which they stand. `timestamp` in milliseconds; `error` only where there was one.
 */
export const callbackBody = (job: CallbackJob, secret: string): string => {
  const { sid: sessionId, messageId, success, error, context, finishedAtMs: timestamp } = job
  const fields = {
    ...{ sessionId, messageId, success, timestamp, context },
    ...(error === null ? {} : { error }),
  }
  const signature = createHmac('sha256', secret).update(JSON.stringify(fields)).digest('hex')
  return JSON.stringify({ ...fields, signature })
}

/**
 * Tells the bot at `base`. It may hear of the same end twice: session and message name it.
 *
 * @throws code CALLBACK_REFUSED when the bot will never take it, CALLBACK_FAILED when it may later
 */
export const sendCallback = async (
  base: string,
  job: CallbackJob,
  { secret, signal }: Sending,
): Promise<void> => {
  const url = `${base.replace(/\/+$/, '')}/callbacks/complete`
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': `${job.sid}.${job.messageId}`,
    },
    body: callbackBody(job, secret),
    // What is signed for one host must not be led to another.
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]),
  }).catch((error: unknown) => {
    throw fail('CALLBACK_FAILED', { message: `${url} cannot be reached: ${String(error)}`, error })
  })
  await response.body?.cancel().catch(() => {})
  if (response.ok) return
  const passes = response.status >= 500 || PASSING.has(response.status)
  const message = `${url} answered ${response.status}`
  throw fail(passes ? 'CALLBACK_FAILED' : 'CALLBACK_REFUSED', { message })
}
