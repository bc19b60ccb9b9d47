/**
 * The log of one session: how it is read into memory, and the one way in which it grows. A record is
 * published with the sequence of the last one known. That is the commit and the fence in one: who
 * has missed a record cannot write one.
 */
import { codeOf, fail } from '../../subjects/errors.ts'
import { isTombstone, record as recordSchema, type SessionRecord } from '../../subjects/records.ts'
import { EVT } from '../../subjects/streams.ts'
import { recordSubject, type SessionId } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { ledBy } from '../bus/elections.ts'
import { newestRecord, recordsSince, type StoredRecord } from '../bus/newest.ts'
import { applyRecord } from '../session/record.ts'
import { initialState, type SessionState } from '../session/state.ts'

/** A session in memory. */
export type Memory = {
  readonly state: SessionState
  /** Sequence in EVT of its last record; 0 when it has none. */
  readonly sequence: number
  /** The last record, for a command that comes again. */
  readonly newest: SessionRecord | undefined
  /**
   * No record can be missing whose command is gone from the queue: an own commit stands behind it. What was
   * read proves less on a cluster, where a leader that was paused answers until it hears of the next one.
   */
  readonly proven: boolean
}

/** As it is read. */
type Read = Omit<Memory, 'proven'>

/** A state that was kept beside the session's rows, and the record at which it is true. */
export type SavedState = { readonly sequence: number; readonly state: SessionState }

/** Where kept states are found and thrown away. */
export type Keeper = {
  /**
   * The kept state at or before `newest`, the session's newest record. What is not fit for use is as
   * if it were not there.
   * @throws codes BUS_UNAVAILABLE, RECORD_TOO_NEW
   */
  saved(sid: SessionId, newest: StoredRecord): Promise<SavedState | undefined>
  /** What is kept of the session does not belong to this log. */
  discard(sid: SessionId): Promise<void>
  /** The state as it was read, to be kept when the session rests. */
  know(sid: SessionId, state: SavedState): void
}

const COMMIT_WITHIN_MS = 3_000
/** What is kept here, what is kept in the snapshots. */
const KEPT_PLACES = 2

/**
 * Reads a session from the log: the kept state and the records behind it, or all records.
 * @throws code BUS_UNAVAILABLE when the log cannot be read up to its end; RECORD_TOO_NEW;
 * LOG_INCOMPLETE when neither log nor snapshot holds the beginning; INTERNAL when it is damaged
 */
export const loadSession = async (bus: Bus, sid: SessionId, keeper: Keeper): Promise<Read> => {
  // From the leader: a direct read may come from a replica that lags.
  const newest = await newestRecord(bus, sid)
  if (!newest) {
    await keeper.discard(sid)
    return { state: initialState, sequence: 0, newest: undefined }
  }
  if (isTombstone(newest.record)) {
    // The files of another owner, or of one that died before it could remove them.
    await keeper.discard(sid)
    const state = applied(initialState, newest.record, newest.sequence)
    return { state, sequence: newest.sequence, newest: newest.record }
  }
  let tooNew: unknown
  for (let place = 0; place < KEPT_PLACES && !tooNew; place++) {
    const saved = await keeper.saved(sid, newest).catch((error: unknown) => {
      if (codeOf(error) !== 'RECORD_TOO_NEW') throw error
      // An older program can still read all of the log, if it is all there.
      tooNew = error
      return undefined
    })
    if (!saved) break
    const continued = await replay(bus, sid, saved, newest)
    if (continued) return known(continued)
    await keeper.discard(sid)
  }
  const rebuilt = await replay(bus, sid, undefined, newest)
  if (rebuilt) return known(rebuilt)
  throw tooNew ?? fail('LOG_INCOMPLETE', { message: `the log of ${sid} has no beginning`, sid })

  function known(memory: Read): Read {
    keeper.know(sid, memory)
    return memory
  }
}

/**
 * Whether the log has nothing newer, for who has no lease to prove it: nobody's can be renewed while its bucket
 * has no leader.
 * @throws code BUS_UNAVAILABLE
 */
export const isNewest = async (bus: Bus, sid: SessionId, memory: Memory): Promise<boolean> =>
  ((await newestRecord(bus, sid))?.sequence ?? 0) === memory.sequence

/** The first record of every session; a log that begins with another one was cut. */
export const isBeginning = (record: SessionRecord): boolean =>
  record.events.some(event => event.type === 'session_created')

/** @returns undefined when the log does not hold the record that `from` was kept at, or its beginning */
const replay = async (
  bus: Bus,
  sid: SessionId,
  from: SavedState | undefined,
  newest: StoredRecord,
): Promise<Read | undefined> => {
  let state = from?.state ?? initialState
  let position = from?.sequence ?? 0
  if (position === newest.sequence) return { state, sequence: position, newest: newest.record }
  try {
    for await (const { record, sequence } of recordsSince(bus, sid, position)) {
      if (position === 0 && !isBeginning(record)) return undefined
      if (sequence > newest.sequence) break
      state = applied(state, record, sequence)
      position = sequence
      // There is nothing behind it: to be told so would take another read.
      if (position === newest.sequence) break
    }
  } catch (error) {
    if (codeOf(error) === 'LOG_INCOMPLETE') return undefined
    throw error
  }
  if (position < newest.sequence) {
    throw fail('BUS_UNAVAILABLE', { message: `read up to ${position} of ${newest.sequence}`, sid })
  }
  return { state, sequence: position, newest: newest.record }
}

const applied = (state: SessionState, record: SessionRecord, sequence: number): SessionState => {
  try {
    return applyRecord(state, record)
  } catch (error) {
    throw fail('INTERNAL', { message: `record ${sequence} cannot be applied`, error })
  }
}

/**
 * A record as it will be read from the log: fields in the schema's order and nothing else. State and
 * rows are made from this one, so that those made anew from the log are the same to the byte.
 */
export const asStored = (record: SessionRecord): SessionRecord => recordSchema.parse(record)

/**
 * Writes a record behind the one at `expected` (0: as the first).
 * @returns its sequence
 * @throws what NATS answers. 10071 and 10164: somebody has written meanwhile. Anything else may
 * have been stored all the same. In every case memory is worth nothing until it is read again.
 */
export const commitRecord = async (
  bus: Bus,
  sid: SessionId,
  record: SessionRecord,
  expected: number,
): Promise<number> => {
  const asked = bus.js.publish(recordSubject(sid), JSON.stringify(record), {
    expect: { lastSubjectSequence: expected },
    timeout: COMMIT_WITHIN_MS,
  })
  return (await ledBy(bus, { stream: EVT }, asked)).seq
}
