/**
 * Completion callbacks: takes the jobs that ends of prompts leave, and tells the bots that asked for
 * them. Where a bot is, the configuration alone says; nothing in a request can name another host.
 *
 * It holds nothing: any number of processes share the work, and what one had begun when it died comes
 * again, to it or to another. A session never waits for any of it. What no bot will ever take, or not
 * for a quarter of an hour, is among the dead letters.
 */
import type { Config } from '../../config/config.ts'
import { codeOf, fail } from '../../subjects/errors.ts'
import { callbackJob } from '../../subjects/jobs.ts'
import { JOB } from '../../subjects/streams.ts'
import { CALLBACK_JOB } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { consumeJobs } from '../bus/jobs.ts'
import type { Log } from '../telemetry/log.ts'
import { sendCallback } from './send.ts'

const CONCURRENCY = 16
/** With the back-off of lib/bus/jobs: about a quarter of an hour. */
const ATTEMPTS = 20

export type CallbackOptions = {
  readonly bus: Bus
  readonly config: Pick<Config, 'callbackUrls' | 'internalCallbackSecret'>
  readonly signal: AbortSignal
  readonly log: Log
}

/** `slack=https://…,linear=https://…` as a map from a prompt's source to its bot's address. */
export const destinationsOf = (text: string | undefined): ReadonlyMap<string, string> =>
  new Map(
    (text ?? '')
      .split(',')
      .filter(one => one !== '')
      .map(one => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]),
  )

/** Takes callbacks until the signal aborts. */
export const runCallbacks = async ({
  bus,
  config,
  signal,
  log,
}: CallbackOptions): Promise<void> => {
  const destinations = destinationsOf(config.callbackUrls)
  await consumeJobs(bus, {
    stream: JOB,
    durable: 'callbacks',
    filter: CALLBACK_JOB,
    schema: callbackJob,
    kind: 'callback',
    signal,
    concurrency: CONCURRENCY,
    attempts: ATTEMPTS,
    isHopeless: error => codeOf(error) === 'CALLBACK_REFUSED',
    run: job => {
      const base = destinations.get(job.source)
      if (base === undefined) {
        const message = `CALLBACK_URLS names no address for ${job.source}`
        throw fail('CALLBACK_REFUSED', { message })
      }
      return sendCallback(base, job, { secret: config.internalCallbackSecret, signal })
    },
    onError: (error, { attempt }) => log.warn({ err: error, attempt }, 'a callback failed'),
  })
}
