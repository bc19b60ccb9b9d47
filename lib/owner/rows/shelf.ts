/**
 * The rows of one session: at most one open file, one thing at a time. See projection.ts.
 *
 * It never blocks a decision: what cannot be written is dropped and read from the log again. A file
 * is opened only when it lies there as it was closed and stands on this log; else the newest snapshot
 * takes its place, else the log from its beginning.
 */
import { readFile } from 'node:fs/promises'
import { codeOf, fail } from '../../../subjects/errors.ts'
import type { SocketPresence } from '../../../subjects/signals.ts'
import type { SessionId } from '../../../subjects/subjects.ts'
import type { Bus } from '../../bus/connect.ts'
import type { StoredRecord } from '../../bus/newest.ts'
import type { SessionState } from '../../session/state.ts'
import { packState, unpackState } from '../../session/stored-state.ts'
import { isDamage, removeDatabase } from '../../store/database.ts'
import { checkSeal, digestOf, putSeal, removeSeal } from '../../store/seal.ts'
import { sessionFile } from '../../store/session-database.ts'
import type { SessionStore } from '../../store/session-store.ts'
import type { Log } from '../../telemetry/log.ts'
import type { SavedState } from '../journal.ts'
import { fromLog, write } from './fill.ts'
import { openKept } from './kept.ts'
import { noNotes, noteRecord } from './notes.ts'
import { saveSnapshot, type Taken } from './snapshot.ts'

/** A record as it was committed, and the state that it led to. */
export type Committed = StoredRecord & {
  /** Sequence of the session's record before it, or 0. */
  readonly previous: number
  readonly state: SessionState
}

export type Shelf = {
  readonly sid: SessionId
  take(committed: Committed): void
  /** The state as it was read from the log. */
  know(state: SavedState): void
  noteSockets(sockets: readonly SocketPresence[]): void
  /** Writes what waits. */
  apply(): Promise<void>
  use<T>(sequence: number, work: (store: SessionStore) => Promise<T>): Promise<T>
  saved(newest: StoredRecord): Promise<SavedState | undefined>
  discard(): Promise<void>
  /** Much was written since the last snapshot, and that was a while ago. */
  wantsSnapshot(): boolean
  /** Stores a snapshot of the open file. Never throws. */
  snapshot(): Promise<void>
  /** Writes what waits and the state, closes and seals the file, if it is open. Never throws. */
  rest(options: { readonly snapshot: boolean }): Promise<void>
  isOpen(): boolean
  isBusy(): boolean
}

/** More than this does not wait in memory: it is read from the log when its turn comes. */
const MOST_WAITING = 256
/** So many records behind the last snapshot there is another: what a machine that is lost costs. */
export const SNAPSHOT_EVERY = 500
/** A session that rests with fewer new ones is read from the log as fast as from a snapshot. */
export const SNAPSHOT_WORTH = 16
/** The time between two snapshots of an open file, at least and for each megabyte of it. */
const SNAPSHOT_PAUSE_MS = 30_000

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
  const file = sessionFile(folder, sid)
  let store: SessionStore | undefined
  let notes = noNotes
  /** It was looked for: a second look would find no more. */
  let nothingKept = false
  let waiting: Committed[] = []
  let latest: SavedState | undefined
  /** The state at the very record up to which the rows were last written. */
  let level: SavedState | undefined
  /** The newest record that is known. */
  let target = 0
  let sockets: readonly SocketPresence[] | undefined
  let turns = 0
  let last: Promise<unknown> = Promise.resolve()
  let saving: Promise<void> = Promise.resolve()
  let snapshotNotBeforeMs = 0

  /** One thing at a time. Rows that turn out to be of no use are built anew, once. */
  const turn = <T>(work: () => Promise<T>): Promise<T> => {
    turns++
    const result = last
      .then(work)
      .catch(async error => {
        const code = codeOf(error)
        const isUseless = isDamage(error) || code === 'STORE_DAMAGED' || code === 'LOG_INCOMPLETE'
        if (!isUseless) throw error
        log.error({ sid, error }, 'database file of no use, building it anew')
        await shut()
        return work()
      })
      .finally(() => {
        turns--
      })
    // Not the result itself, which may be a whole file.
    last = result.then(
      () => {},
      () => {},
    )
    return result
  }

  const kept = openKept(bus, { sid, folder, file, gate, log })
  const openWhatIsKept = async (newest?: StoredRecord) => {
    if (nothingKept) return undefined
    const isNew = waiting[0]?.previous === 0
    const found = await kept.find({ snapshots: !isNew, newest })
    if (found) notes = found.notes
    nothingKept = !found
    return found?.rows
  }
  const opened = async (): Promise<SessionStore> => {
    store ??= (await openWhatIsKept()) ?? (await kept.begin())
    return store
  }
  /** @returns false when it cannot be said what is in the file now */
  const shut = async (): Promise<boolean> => {
    const closing = store
    store = undefined
    nothingKept = false
    level = undefined
    try {
      await closing?.close()
      return true
    } catch (error) {
      log.warn({ sid, error }, 'database file not closed')
      return false
    }
  }

  const apply = async (): Promise<SessionStore> => {
    const rows = await opened()
    const applied = rows.appliedSequence()
    // More may be committed while this is written; that is for the next time.
    const goal = target
    const state = latest
    if (applied < goal) {
      const fresh = waiting.filter(entry => entry.sequence > applied)
      const whole = fresh.length > 0 && (fresh[0]?.previous ?? 0) <= applied
      await write(rows, whole ? fresh : fromLog(bus, sid, applied), (sequence, record) => {
        notes = noteRecord(notes, sequence, record)
      })
      if (rows.appliedSequence() < goal) {
        throw fail('BUS_UNAVAILABLE', { message: `the log of ${sid} ends before record ${goal}` })
      }
    }
    const now = rows.appliedSequence()
    if (state?.sequence === now) level = state
    waiting = waiting.filter(entry => entry.sequence > now)
    if (sockets) {
      const noted = sockets
      sockets = undefined
      await rows.recordConnections(noted)
    }
    return rows
  }
  /** Keeps the state beside the rows. @returns whether both are of the same record now */
  const keep = async (rows: SessionStore): Promise<boolean> => {
    const applied = rows.appliedSequence()
    if (level?.sequence !== applied) return rows.savedState()?.sequence === applied
    if (rows.savedState()?.sequence !== applied)
      await rows.saveState(applied, packState(level.state))
    return true
  }

  const taken = async (): Promise<Taken> => {
    const bytes = await readFile(file)
    return { bytes, digest: await digestOf(bytes), notes }
  }
  const closeAndSeal = async (): Promise<Taken | undefined> => {
    const rows = store
    if (!rows) return undefined
    await apply().catch(error => log.warn({ sid, error }, 'rows left behind the log'))
    if (!store) return undefined
    const isLevel = await keep(rows)
    if (!(await shut())) return undefined
    const found = await taken()
    await putSeal(file, found.digest, notes)
    return isLevel ? found : undefined
  }
  const save = async (found: Taken) => {
    const saved = await saveSnapshot(bus, sid, found, kept.stands)
    const megabytes = Math.max(1, found.bytes.length / 1024 ** 2)
    snapshotNotBeforeMs = performance.now() + megabytes * SNAPSHOT_PAUSE_MS
    log.debug({ sid, record: found.notes.applied, bytes: found.bytes.length }, 'snapshot stored')
    await turn(async () => {
      const { snapshot, cut } = saved
      notes = { ...notes, snapshot, cut, unsaved: notes.unsaved - found.notes.unsaved }
      const seal = store ? undefined : await checkSeal(file)
      if (seal?.state === 'whole') await putSeal(file, found.digest, notes)
    })
  }
  /** A snapshot costs what it costs, but nobody waits for it, and the next one may do better. */
  const saveQuietly = (found: Taken | undefined): Promise<void> => {
    if (!found || found.notes.unsaved < SNAPSHOT_WORTH) return Promise.resolve()
    saving = save(found).catch(error => log.warn({ sid, error }, 'snapshot not stored'))
    return saving
  }
  const quietly = <T>(work: () => Promise<T>): Promise<T | undefined> =>
    turn(work).catch(error => {
      log.warn({ sid, error }, 'rows not kept in order')
      return undefined
    })

  async function discard() {
    waiting = []
    latest = undefined
    target = 0
    sockets = undefined
    notes = noNotes
    await shut()
    await removeSeal(file)
    await removeDatabase(file)
  }

  return {
    sid,
    take: committed => {
      target = Math.max(target, committed.sequence)
      latest = { sequence: committed.sequence, state: committed.state }
      if (waiting.length >= MOST_WAITING) waiting = []
      waiting.push(committed)
    },
    know: state => {
      target = Math.max(target, state.sequence)
      latest = state
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
        if (latest && latest.sequence <= newest.sequence) return latest
        store ??= await openWhatIsKept(newest)
        const found = store?.savedState()
        const state = found && unpackState(found.state)
        return state && found.sequence <= newest.sequence
          ? { sequence: found.sequence, state }
          : undefined
      }).catch((error: unknown) => {
        const code = codeOf(error)
        if (code === 'BUS_UNAVAILABLE' || code === 'RECORD_TOO_NEW') throw error
        // The log has everything; rows are somebody else's trouble.
        log.warn({ sid, error }, 'kept state not readable')
        return undefined
      }),
    discard: async () => {
      // What it has under way must not come after whoever removes the snapshots.
      await saving
      await turn(discard)
    },
    wantsSnapshot: () =>
      store !== undefined &&
      notes.unsaved >= SNAPSHOT_EVERY &&
      performance.now() >= snapshotNotBeforeMs,
    snapshot: async () =>
      saveQuietly(
        await quietly(async () => {
          if (!store) return undefined
          const rows = await apply()
          if (!(await keep(rows))) return undefined
          await rows.checkpoint()
          return taken()
        }),
      ),
    rest: async ({ snapshot }) => {
      const found = await quietly(closeAndSeal)
      if (snapshot) await saveQuietly(found)
    },
    isOpen: () => store !== undefined,
    isBusy: () => turns > 0,
  }
}
