/** Reads of the log (EVT): the newest record of a session, those after a position, many newest. */
import type { DirectBatchOptions, MsgRequest, StoredMsg } from '@nats-io/jetstream'
import { z } from 'zod'
import { fail } from '../../subjects/errors.ts'
import { record as recordSchema, type SessionRecord } from '../../subjects/records.ts'
import { EVT } from '../../subjects/streams.ts'
import { recordSubject, sessionId } from '../../subjects/subjects.ts'
import type { Bus } from './connect.ts'
import { ledBy, pauseFor } from './elections.ts'
import { busFailure, isWorthRetrying } from './failure.ts'
import { parseJson } from './json.ts'
import { retrying } from './retry.ts'

export type StoredRecord = { readonly record: SessionRecord; readonly sequence: number }

/** Records per direct read. */
const BATCH = 256
/** NATS answers at most 1,024 subjects at once; newest records come with their bodies. */
const SUBJECTS_AT_ONCE = 256
const NO_MESSAGE = 404
const SILENCE_MS = 5_000
const LEADER_WITHIN_MS = 5_000

const isEmpty = (error: unknown): boolean =>
  (error as { code?: unknown } | undefined)?.code === NO_MESSAGE ||
  /message not found|no results/i.test(error instanceof Error ? error.message : '')

/** The one version of records that this program knows. */
const RECORD_VERSION = 1
const versioned = z.looseObject({ v: z.int() })

/**
 * @throws code RECORD_TOO_NEW when a newer version of this program wrote it; INTERNAL when the stored
 * bytes are no record
 */
export const readRecord = (bytes: Uint8Array, sequence: number): SessionRecord => {
  const parsed = parseJson(recordSchema, bytes)
  if (parsed.ok) return parsed.value
  const stamp = parseJson(versioned, bytes)
  if (stamp.ok && stamp.value.v > RECORD_VERSION) {
    throw fail('RECORD_TOO_NEW', {
      message: `record ${sequence} has version ${stamp.value.v}, this program knows ${RECORD_VERSION}: run the newer version`,
    })
  }
  throw fail('INTERNAL', { message: `record ${sequence} cannot be read: ${parsed.reason}` })
}

const fromLeader = (bus: Bus, query: MsgRequest): Promise<StoredMsg | null> =>
  retrying(() => ledBy(bus, { stream: EVT }, bus.jsm.streams.getMessage(EVT, query)), {
    deadlineMs: LEADER_WITHIN_MS,
    retryable: isWorthRetrying,
    pause: ms => pauseFor(bus, { stream: EVT }, ms),
  })

/** The newest record, read from the stream's leader, or undefined for an unknown session. */
export const newestRecord = async (bus: Bus, sid: string): Promise<StoredRecord | undefined> => {
  const subject = recordSubject(sessionId(sid))
  try {
    const message = await fromLeader(bus, { last_by_subj: subject })
    return message
      ? { record: readRecord(message.data, message.seq), sequence: message.seq }
      : undefined
  } catch (error) {
    if (isEmpty(error)) return undefined
    throw busFailure(error)
  }
}

/** The record at a place of the log, read from the leader; undefined when it is not the session's. */
export const recordAt = async (
  bus: Bus,
  sid: string,
  sequence: number,
): Promise<SessionRecord | undefined> => {
  try {
    const message = await fromLeader(bus, { seq: sequence })
    if (message?.subject !== recordSubject(sessionId(sid))) return undefined
    return readRecord(message.data, sequence)
  } catch (error) {
    if (isEmpty(error)) return undefined
    throw busFailure(error)
  }
}

/** One direct read; an empty one is an empty list. A short one says nothing about the end. */
const readBatch = async (bus: Bus, query: DirectBatchOptions): Promise<StoredMsg[]> => {
  const found: StoredMsg[] = []
  const messages = await bus.jsm.direct.getBatch(EVT, query)
  // The client waits for ever for the rest of a batch whose server went away in the middle of it.
  const silence = setTimeout(() => messages.stop(fail('BUS_UNAVAILABLE')), SILENCE_MS)
  try {
    for await (const message of messages) {
      found.push(message)
      silence.refresh()
    }
  } catch (error) {
    if (!isEmpty(error)) throw error
  } finally {
    clearTimeout(silence)
  }
  return found
}

/**
 * The records of a session with a sequence above `after`, in order, until a read comes back empty.
 * May be served by a follower that lags: who knows of a newer record reads again.
 * @throws code LOG_INCOMPLETE when the log was cut while it was read
 */
export const recordsAfter = (bus: Bus, sid: string, after: number): AsyncGenerator<StoredRecord> =>
  readOn(bus, sid, after, after + 1)

/**
 * Like {@link recordsAfter}, for who holds everything up to `position`, a record of the session. The
 * log is cut behind snapshots: where that record is gone, others may be gone that nobody would miss.
 * @throws code LOG_INCOMPLETE
 */
export const recordsSince = (
  bus: Bus,
  sid: string,
  position: number,
): AsyncGenerator<StoredRecord> => readOn(bus, sid, position, Math.max(1, position))

/** Reads from `start` on. Every read but the first begins with the last record that is known. */
async function* readOn(
  bus: Bus,
  sid: string,
  after: number,
  start: number,
): AsyncGenerator<StoredRecord> {
  const subject = recordSubject(sessionId(sid))
  let position = after
  let seq = start
  for (;;) {
    const query = { seq, next_by_subj: subject, batch: BATCH } as DirectBatchOptions
    const batch = await retrying(() => readBatch(bus, query), {
      deadlineMs: 10_000,
      retryable: isWorthRetrying,
    }).catch((error: unknown) => {
      throw busFailure(error)
    })
    const first = batch[0]
    if (first && seq === position && first.seq !== position) {
      throw fail('LOG_INCOMPLETE', { sid, position, found: first.seq })
    }
    const news = batch.filter(message => message.seq > position)
    if (news.length === 0) return
    for (const message of news) {
      position = message.seq
      yield { record: readRecord(message.data, message.seq), sequence: message.seq }
    }
    seq = position
  }
}

/** The last message of each of these subjects of a stream that has one. */
export const lastOfEach = async (
  bus: Bus,
  stream: string,
  subjects: readonly string[],
): Promise<readonly StoredMsg[]> => {
  const found: StoredMsg[] = []
  for (let i = 0; i < subjects.length; i += SUBJECTS_AT_ONCE) {
    const multi_last = subjects.slice(i, i + SUBJECTS_AT_ONCE)
    try {
      for await (const message of await bus.jsm.direct.getLastMessagesFor(stream, { multi_last })) {
        found.push(message)
      }
    } catch (error) {
      if (!isEmpty(error)) throw busFailure(error)
    }
  }
  return found
}

/** The sequence of the newest record of each session that has one. */
export const newestSequences = async (
  bus: Bus,
  sids: readonly string[],
): Promise<Map<string, number>> => {
  const bySubject = new Map(sids.map(sid => [recordSubject(sessionId(sid)) as string, sid]))
  const newest = new Map<string, number>()
  for (const { subject, seq } of await lastOfEach(bus, EVT, [...bySubject.keys()])) {
    const sid = bySubject.get(subject)
    if (sid) newest.set(sid, seq)
  }
  return newest
}
