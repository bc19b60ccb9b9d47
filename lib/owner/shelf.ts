/**
 * The rows of one session: at most one open file, one thing at a time. See projection.ts.
 *
 * It never blocks a decision: what cannot be written is dropped and read from the log again.
 */
import { existsSync } from 'node:fs'
import { codeOf, fail } from '../../subjects/errors.ts'
import type { SessionRecord } from '../../subjects/records.ts'
import type { SocketPresence } from '../../subjects/signals.ts'
import type { SessionId } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { recordsAfter, type StoredRecord } from '../bus/newest.ts'
import type { SessionState } from '../session/state.ts'
import { isDamage } from '../store/database.ts'
import { sessionFile } from '../store/session-database.ts'
import { openSessionStore, type SessionStore } from '../store/session-store.ts'
import type { Log } from '../telemetry/log.ts'
import { packState, type SavedState, unpackState } from './journal.ts'

/** A record as it was committed, and the state that it led to. */
export type Committed = StoredRecord & {
  /** Sequence of the session's record before it, or 0. */
  readonly previous: number
  readonly state: SessionState
}

export type Shelf = {
  readonly sid: SessionId
  take(committed: Committed): void
  noteSockets(sockets: readonly SocketPresence[]): void
  /** Writes what waits. */
  apply(): Promise<void>
  use<T>(sequence: number, work: (store: SessionStore) => Promise<T>): Promise<T>
  saved(newest: number): Promise<SavedState | undefined>
  discard(): Promise<void>
  /** Writes what waits and the state, and closes the file, if it is open. Never throws. */
  rest(): Promise<void>
  isOpen(): boolean
  isBusy(): boolean
}

/** More than this does not wait in memory: it is read from the log when its turn comes. */
const MOST_WAITING = 256
/** Records per transaction. */
const BATCH = 500
/** So many records behind the kept state, it is kept again: what a restart has to read. */
const KEEP_EVERY = 500

export const openShelf = (
  bus: Bus,
  options: {
    readonly sid: SessionId
    readonly folder: string
    readonly gate: <T>(open: () => Promise<T>) => Promise<T>
    readonly log: Log
  },
): Shelf => {
  const { sid, folder, gate, log } = options
  let store: SessionStore | undefined
  let waiting: Committed[] = []
  let latest: SavedState | undefined
  /** The newest record that is known. */
  let target = 0
  let sinceKept = 0
  let sockets: readonly SocketPresence[] | undefined
  let turns = 0
  let last: Promise<unknown> = Promise.resolve()

  /** One thing at a time. A file that turns out to be damaged is replaced by a new one, once. */
  const turn = <T>(work: () => Promise<T>): Promise<T> => {
    turns++
    const result = last
      .then(work)
      .catch(async error => {
        if (!isDamage(error) && codeOf(error) !== 'STORE_DAMAGED') throw error
        log.error({ sid, error }, 'database file damaged, building it anew from the log')
        await shut()
        return work()
      })
      .finally(() => {
        turns--
      })
    last = result.catch(() => {})
    return result
  }
  const opened = async (): Promise<SessionStore> => {
    store ??= await gate(() => openSessionStore(folder, sid))
    return store
  }
  const shut = async () => {
    const closing = store
    store = undefined
    await closing?.close().catch(error => log.warn({ sid, error }, 'database file not closed'))
  }
  const apply = async (): Promise<SessionStore> => {
    const rows = await opened()
    const applied = rows.appliedSequence()
    // More may be committed while this is written; that is for the next time.
    const goal = target
    if (applied < goal) {
      const fresh = waiting.filter(entry => entry.sequence > applied)
      const whole = fresh.length > 0 && (fresh[0]?.previous ?? 0) <= applied
      sinceKept += await (whole ? write(rows, fresh) : write(rows, recordsAfter(bus, sid, applied)))
      if (rows.appliedSequence() < goal) {
        throw fail('BUS_UNAVAILABLE', { message: `the log of ${sid} ends before record ${goal}` })
      }
    }
    const now = rows.appliedSequence()
    waiting = waiting.filter(entry => entry.sequence > now)
    if (sockets) {
      const noted = sockets
      sockets = undefined
      await rows.recordConnections(noted)
    }
    if (sinceKept >= KEEP_EVERY) await keep(rows)
    return rows
  }
  const keep = async (rows: SessionStore) => {
    if (!latest || latest.sequence > rows.appliedSequence()) return
    await rows.saveState(latest.sequence, packState(latest.state))
    sinceKept = 0
  }

  return {
    sid,
    take: committed => {
      target = Math.max(target, committed.sequence)
      latest = { sequence: committed.sequence, state: committed.state }
      if (waiting.length >= MOST_WAITING) waiting = []
      waiting.push(committed)
    },
    noteSockets: open => {
      sockets = open
    },
    apply: () =>
      turn(async () => {
        // Thrown away meanwhile: nothing may make the file again but a record.
        if (target === 0) return
        await apply()
      }),
    use: (sequence, work) =>
      turn(async () => {
        target = Math.max(target, sequence)
        return work(await apply())
      }),
    saved: newest =>
      turn(async () => {
        const inMemory = latest && latest.sequence <= newest ? latest : undefined
        if (inMemory) return inMemory
        if (!store && !existsSync(sessionFile(folder, sid))) return undefined
        const rows = await opened()
        const found = rows.savedState()
        if (rows.appliedSequence() > newest || (found && found.sequence > newest)) {
          log.warn({ sid, newest }, 'rows ahead of the log, building them anew')
          await discard()
          return undefined
        }
        const state = found && unpackState(found.state)
        return found && state ? { sequence: found.sequence, state } : undefined
      }).catch(error => {
        // The log has everything; rows are somebody else's trouble.
        log.warn({ sid, error }, 'kept state not readable')
        return undefined
      }),
    discard: () => turn(discard),
    rest: () =>
      turn(async () => {
        if (!store) return
        const rows = await apply()
        await keep(rows)
      })
        .catch(error => log.warn({ sid, error }, 'rows left behind the log'))
        .then(() => turn(shut)),
    isOpen: () => store !== undefined,
    isBusy: () => turns > 0,
  }

  async function discard() {
    waiting = []
    latest = undefined
    target = 0
    sockets = undefined
    if (!store && !existsSync(sessionFile(folder, sid))) return
    const rows = await opened()
    store = undefined
    await rows.destroy()
  }
}

/** Applies entries in order and in batches. @returns how many */
const write = async (
  rows: SessionStore,
  entries: Iterable<StoredRecord> | AsyncIterable<StoredRecord>,
): Promise<number> => {
  let count = 0
  let batch: { sequence: number; record: SessionRecord }[] = []
  const flush = async () => {
    if (batch.length > 0) await rows.apply(batch)
    batch = []
  }
  for await (const { sequence, record } of entries) {
    batch.push({ sequence, record })
    count++
    if (batch.length >= BATCH) await flush()
  }
  await flush()
  return count
}
