/**
 * The log of one session: how it is read into memory, and the one way in which it grows. A record is
 * published with the sequence of the last one known. That is the commit and the fence in one: who
 * has missed a record cannot write one.
 */
import { createHash } from 'node:crypto'
import { fail } from '../../subjects/errors.ts'
import { isTombstone, type SessionRecord } from '../../subjects/records.ts'
import { recordSubject, type SessionId } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { newestRecord, recordsAfter, type StoredRecord } from '../bus/newest.ts'
import { applyRecord } from '../session/record.ts'
import { initialState, type SessionState } from '../session/state.ts'

/** A session in memory. */
export type Memory = {
  readonly state: SessionState
  /** Sequence in EVT of its last record; 0 when it has none. */
  readonly sequence: number
  /** The last record, for a command that comes again. */
  readonly newest: SessionRecord | undefined
}

/** A state that was kept beside the session's rows, and the record at which it is true. */
export type SavedState = { readonly sequence: number; readonly state: SessionState }

/** Where kept states are found and thrown away. */
export type Keeper = {
  /** The kept state at or before `newest`. What is not fit for use is as if it were not there. */
  saved(sid: SessionId, newest: number): Promise<SavedState | undefined>
  /** What is kept of the session does not belong to this log. */
  discard(sid: SessionId): Promise<void>
}

const COMMIT_WITHIN_MS = 3_000

/**
 * Reads a session from the log: the kept state and the records behind it, or all records.
 * @throws code BUS_UNAVAILABLE when the log cannot be read up to its end; INTERNAL when it is damaged
 */
export const loadSession = async (bus: Bus, sid: SessionId, keeper: Keeper): Promise<Memory> => {
  // From the leader: a direct read may come from a replica that lags.
  const newest = await newestRecord(bus, sid)
  if (newest && isTombstone(newest.record)) {
    // The files of another owner, or of one that died before it could remove them.
    await keeper.discard(sid)
    const state = applied(initialState, newest.record, newest.sequence)
    return { state, sequence: newest.sequence, newest: newest.record }
  }
  const saved = await keeper.saved(sid, newest?.sequence ?? 0)
  if (!newest) return { state: initialState, sequence: 0, newest: undefined }
  const continued = saved && (await replay(bus, sid, saved, newest))
  if (continued) return continued
  if (saved) await keeper.discard(sid)
  const rebuilt = await replay(bus, sid, undefined, newest)
  if (!rebuilt) throw fail('INTERNAL', { message: `the log of session ${sid} has no beginning` })
  return rebuilt
}

/** @returns undefined when the log does not hold the record that `from` was kept at */
const replay = async (
  bus: Bus,
  sid: SessionId,
  from: SavedState | undefined,
  newest: StoredRecord,
): Promise<Memory | undefined> => {
  let state = from?.state ?? initialState
  let position = from?.sequence ?? 0
  // One earlier, to see that the kept state stands on a record of this very log.
  let belongs = from === undefined
  for await (const { record, sequence } of recordsAfter(bus, sid, Math.max(0, position - 1))) {
    if (!belongs) {
      if (sequence !== position || record.commandSequence !== state.lastCommandSequence) return
      belongs = true
      continue
    }
    if (sequence > newest.sequence) break
    state = applied(state, record, sequence)
    position = sequence
  }
  if (!belongs) return
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
  const ack = await bus.js.publish(recordSubject(sid), JSON.stringify(record), {
    expect: { lastSubjectSequence: expected },
    timeout: COMMIT_WITHIN_MS,
  })
  return ack.seq
}

/**
 * To be raised when `evolve` gives a state another meaning. Another shape is seen without that: a
 * kept state is only used by a program whose initial state looks the same.
 */
const STATE_VERSION = 1
const SHAPE = createHash('sha256')
  .update(`${STATE_VERSION}:${JSON.stringify(initialState)}`)
  .digest('hex')
  .slice(0, 16)

/** A state as it is kept. */
export const packState = (state: SessionState): unknown => ({ shape: SHAPE, state })

/** The state of {@link packState}, or undefined when another version of the program kept it. */
export const unpackState = (packed: unknown): SessionState | undefined => {
  const { shape, state } = (packed ?? {}) as { shape?: unknown; state?: SessionState }
  return shape === SHAPE ? state : undefined
}
