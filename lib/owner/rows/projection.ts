/**
 * The rows of every session that this process has touched: they follow the records, and are never
 * ahead of them. Records come in as they are committed and are applied in batches; whoever reads
 * says at which record the rows must be. What was not handed over, because another process wrote it
 * or because too much waited, is read from the log. So any file may be lost, damaged or stale at any
 * time, and none of it can stop a decision.
 *
 * Opening a file blocks the process for milliseconds, so files are opened one at a time, in the
 * background slowly, and only so many stay open. It knows nothing of ownership: a file is of use
 * again when the session comes back. A session that nobody has used for a while, or that many others
 * were used after, is put away: nothing of it stays in memory.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { SocketPresence } from '../../../subjects/signals.ts'
import type { SessionId } from '../../../subjects/subjects.ts'
import type { Bus } from '../../bus/connect.ts'
import type { SessionStore } from '../../store/session-store.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Keeper } from '../journal.ts'
import { type Committed, openShelf, type Shelf } from './shelf.ts'

export type Projection = Keeper & {
  /** Takes over a committed record, to be applied soon. */
  take(sid: SessionId, committed: Committed): void
  /** Takes note of all sockets that are open now, if the session is in use here. */
  noteSockets(sid: SessionId, sockets: readonly SocketPresence[]): void
  /** Works with rows that hold everything up to `sequence`. */
  use<T>(sid: SessionId, sequence: number, work: (store: SessionStore) => Promise<T>): Promise<T>
  /** Applies what waits, keeps the state, closes the file; nothing happens when it is not open. */
  rest(sid: SessionId): Promise<void>
  /** Sessions whose file is open. */
  openCount(): number
  /** Sessions of which anything is in memory. */
  awakeCount(): number
  close(): Promise<void>
}

export type ProjectionOptions = {
  readonly folder: string
  readonly log: Log
  /** How many files stay open. */
  readonly mostOpen?: number
  /** How many sessions stay in memory. */
  readonly mostAwake?: number
  /** How long a session stays in memory unused; for ever when left out. */
  readonly idleMs?: number
  /** With more than this to be written, sessions may fall asleep unwritten. */
  readonly mostDirty?: number
}

const MOST_OPEN = 300
const MOST_AWAKE = 4_000
const MOST_SWEEP_MS = 10_000
/** How long records gather before they are applied. */
const GATHER_MS = 50
const AFTER_FAILURE_MS = 1_000
/**
 * In the background, opening files takes at most one part in so many of the time: after a takeover
 * there are hundreds to open, while hundreds of sessions wait to be decided.
 */
const OPENING_SHARE = 10

const CLOSE_WITHIN_MS = 4_000
const MOST_DIRTY = 50

/** The most that one file makes the others wait, however slow the machine is. */
const MOST_PAUSE_MS = 250

/** Ends early, without failing, when the signal aborts. */
const pause = (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }).catch(() => {})

export const openProjection = (bus: Bus, options: ProjectionOptions): Projection => {
  const { folder, log, mostOpen = MOST_OPEN, mostAwake = MOST_AWAKE, idleMs } = options
  const { mostDirty = MOST_DIRTY } = options
  const shelves = new Map<SessionId, Shelf>()
  /** When each was last used, the longest ago first. Without those that are being put away. */
  const awake = new Map<SessionId, number>()
  /** Those whose files may be open, in order of use, the least recently used first. */
  const opened = new Set<Shelf>()
  const dirty = new Set<Shelf>()
  let working: Promise<void> | undefined
  let opening: Promise<unknown> = Promise.resolve()
  /** At rest as soon as what was committed is in its rows. */
  const resting = new Set<SessionId>()
  /** Wait for their turn to be stored. */
  const snapshots = new Set<Shelf>()
  let saving: Promise<unknown> = Promise.resolve()
  const stop = new AbortController()

  /** Lets one file be opened at a time, with room for everything else between two. */
  const gate = <T>(open: () => Promise<T>): Promise<T> => {
    const opened = opening.then(roomForOne).then(open)
    opening = opened.catch(() => {}).then(() => new Promise<void>(resolve => setImmediate(resolve)))
    return opened
  }
  /** Waits for another file to be put away, but not for ever: that one may wait for this one. */
  const roomForOne = async () => {
    makeRoom()
    if (openCount() > mostOpen) await Promise.race([saving, pause(MOST_PAUSE_MS, stop.signal)])
  }
  /** Lets one session be put away, or one snapshot be stored, at a time. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = saving.then(work)
    saving = done.catch(() => {}).then(() => new Promise<void>(resolve => setImmediate(resolve)))
    return done
  }
  /** The shelf of a session that is in use. */
  const shelfOf = (sid: SessionId): Shelf => {
    resting.delete(sid)
    awake.delete(sid)
    awake.set(sid, performance.now())
    const shelf = shelves.get(sid) ?? newShelf(sid)
    if (opened.delete(shelf)) opened.add(shelf)
    if (awake.size > mostAwake) sweep()
    return shelf
  }
  const sweep = () => {
    const before = performance.now() - (idleMs ?? Number.POSITIVE_INFINITY)
    for (const [sid, usedMs] of awake) {
      if (usedMs > before && awake.size <= mostAwake) return
      void rest(sid)
    }
  }
  const sweeper = idleMs && setInterval(sweep, Math.max(10, Math.min(idleMs / 2, MOST_SWEEP_MS)))
  const newShelf = (sid: SessionId): Shelf => {
    const shelf: Shelf = openShelf(bus, {
      sid,
      folder,
      gate: open => gate(open).finally(() => opened.add(shelf)),
      log,
    })
    shelves.set(sid, shelf)
    return shelf
  }
  const openCount = () => {
    let count = 0
    for (const shelf of opened) {
      if (shelf.isOpen()) count++
      else if (!shelf.isBusy()) opened.delete(shelf)
    }
    return count
  }
  /** Puts away what nobody has used for longest, when too many files are open. */
  const makeRoom = () => {
    let excess = openCount() - mostOpen
    for (const shelf of opened) {
      if (excess <= 0) return
      if (!shelf.isOpen() || shelf.isBusy()) continue
      excess--
      void rest(shelf.sid)
    }
  }
  const rest = async (sid: SessionId) => {
    awake.delete(sid)
    if (!shelves.has(sid) || resting.has(sid)) return
    resting.add(sid)
    await inTurn(() => putAway(sid))
  }
  /** Unless somebody has touched it since. */
  const putAway = async (sid: SessionId) => {
    const shelf = shelves.get(sid)
    if (!shelf || !resting.has(sid) || stop.signal.aborted) return
    // The log has it, and whoever asks has it read from there.
    if (dirty.size > mostDirty && !shelf.isOpen() && !shelf.isBusy()) dirty.delete(shelf)
    await shelf.rest({ snapshot: true })
    if (shelf.isBusy() || dirty.has(shelf) || !resting.delete(sid)) return
    shelves.delete(sid)
    log.debug({ sid }, 'session asleep')
  }
  const snapshotIfWanted = (shelf: Shelf) => {
    if (snapshots.has(shelf) || !shelf.wantsSnapshot()) return
    snapshots.add(shelf)
    void inTurn(() => shelf.snapshot().finally(() => snapshots.delete(shelf)))
  }
  const work = async () => {
    await pause(GATHER_MS, stop.signal)
    for (const shelf of dirty) {
      if (stop.signal.aborted) return
      dirty.delete(shelf)
      const startedMs = performance.now()
      const wasOpen = shelf.isOpen()
      await shelf.apply().catch(error => {
        log.error({ sid: shelf.sid, error }, 'rows not written, trying again')
        setTimeout(() => shelves.get(shelf.sid) === shelf && soon(shelf), AFTER_FAILURE_MS).unref()
      })
      if (resting.has(shelf.sid)) void inTurn(() => putAway(shelf.sid))
      else snapshotIfWanted(shelf)
      if (wasOpen) continue
      makeRoom()
      const fairMs = (performance.now() - startedMs) * (OPENING_SHARE - 1)
      await pause(Math.min(fairMs, MOST_PAUSE_MS), stop.signal)
    }
  }
  const soon = (shelf: Shelf) => {
    if (stop.signal.aborted) return
    dirty.add(shelf)
    working ??= work().finally(() => {
      working = undefined
      const [next] = dirty
      if (next) soon(next)
    })
  }

  return {
    take: (sid, committed) => {
      const shelf = shelfOf(sid)
      shelf.take(committed)
      soon(shelf)
    },
    noteSockets: (sid, sockets) => {
      const shelf = shelves.get(sid)
      if (!shelf) return
      shelf.noteSockets(sockets)
      soon(shelf)
    },
    use: async (sid, sequence, withStore) => {
      const shelf = shelfOf(sid)
      const wasOpen = shelf.isOpen()
      try {
        return await shelf.use(sequence, withStore)
      } finally {
        if (!wasOpen) makeRoom()
      }
    },
    saved: (sid, newest) => shelfOf(sid).saved(newest),
    know: (sid, state) => shelfOf(sid).know(state),
    discard: async sid => {
      const shelf = shelfOf(sid)
      await shelf.discard()
      // Nobody may write it again for what was noted before.
      dirty.delete(shelf)
      if (shelf.isBusy() || shelves.get(sid) !== shelf) return
      shelves.delete(sid)
      awake.delete(sid)
    },
    rest,
    openCount,
    awakeCount: () => shelves.size,
    close: async () => {
      stop.abort()
      clearInterval(sweeper)
      await working
      const end = performance.now() + CLOSE_WITHIN_MS
      for (const shelf of shelves.values()) {
        // What is left open is made again from snapshot and log.
        if (performance.now() < end) await shelf.rest({ snapshot: false })
      }
    },
  }
}
