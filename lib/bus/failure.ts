/** What a failed request to NATS means for whoever wanted it. */
import { JetStreamApiError } from '@nats-io/jetstream'
import { codeOf, fail } from '../../subjects/errors.ts'
import { retrying } from './retry.ts'

/** Error codes of nats-server's JetStream API that we act on. */
const API = {
  wrongLastSequence: 10071,
  wrongLastSequenceUnknown: 10164,
  messageTooLarge: 10054,
  maximumBytes: 10077,
  storageExceeded: 10047,
  memoryExceeded: 10028,
  resourcesExceeded: 10023,
} as const

/**
 * What servers answer while a cluster forms, has no leader or has lost a server, and while a server
 * comes back: it will be otherwise shortly.
 */
const PASSING: ReadonlySet<number> = new Set([
  10004, // incomplete results
  10005, // no suitable peers for placement
  10007, // cluster not assigned to this server
  10008, // JetStream system temporarily unavailable
  10009, // JetStream cluster can not handle request
  10039, // JetStream not enabled for account: not yet
  10076, // JetStream not enabled: not yet
  10118, // stream is offline
  10119, // consumer is offline
])

const apiCode = (error: unknown): number | undefined =>
  error instanceof JetStreamApiError ? error.code : undefined

/** The stream refused because somebody else has written the subject, or is about to. */
export const isWrongSequence = (error: unknown): boolean => {
  const code = apiCode(error)
  return code === API.wrongLastSequence || code === API.wrongLastSequenceUnknown
}

const FULL: ReadonlySet<number> = new Set([
  API.maximumBytes,
  API.storageExceeded,
  API.memoryExceeded,
  API.resourcesExceeded,
])

/**
 * Turns a failed publish into an error of ours: STREAM_FULL, PAYLOAD_TOO_LARGE or BUS_UNAVAILABLE.
 * An error that already is ours stays as it is.
 */
export const busFailure = (error: unknown): Error => {
  if (codeOf(error)) return error as Error
  const code = apiCode(error)
  if (code !== undefined && FULL.has(code)) return fail('STREAM_FULL', { error })
  if (code === API.messageTooLarge) return fail('PAYLOAD_TOO_LARGE', { error })
  const text = error instanceof Error ? error.message : String(error)
  if (/max.?payload|MAX_PAYLOAD/i.test(text)) return fail('PAYLOAD_TOO_LARGE', { error })
  return fail('BUS_UNAVAILABLE', { error, detail: text })
}

/** False when asking again cannot help: full, too large, or refused for its own sake. */
export const isWorthRetrying = (error: unknown): boolean => {
  const code = codeOf(busFailure(error))
  const api = apiCode(error)
  return code === 'BUS_UNAVAILABLE' && (api === undefined || PASSING.has(api))
}

/** A server that has just come back may be busy with its files, and a cluster without a leader, for a while. */
const PATIENCE_MS = 30_000

/**
 * Asks again while the bus does not answer, for what a process cannot begin without: better to wait than to
 * end and be started again.
 * @throws what NATS answers, or its silence after 30 s
 */
export const patiently = <T>(ask: () => Promise<T>): Promise<T> =>
  retrying(ask, { deadlineMs: PATIENCE_MS, retryable: isWorthRetrying })
