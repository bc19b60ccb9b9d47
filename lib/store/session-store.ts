/**
 * The database file of one session: rows made from records, and the questions that rows answer.
 *
 * It owns the file and nothing else. It never decides anything and never holds what the log lacks
 * (but for the registry of open sockets, which is soft): whoever has the log may delete the file and
 * apply the records again, and gets the same rows. Exactly one process may have it open; that is for
 * the owner to see to. Calls take their turn on one connection, so a question asked after `apply`
 * has resolved sees what was applied.
 *
 * When the process dies in the middle of `apply`, the file is as before it.
 */
import type { ParticipantRow } from '../../subjects/asks.ts'
import type { Artifact } from '../../subjects/frames-server.ts'
import type { SocketPresence } from '../../subjects/signals.ts'
import type { Carried } from './apply/batch.ts'
import { writeConnections } from './apply/connections.ts'
import { type Entry, gather } from './apply/gather.ts'
import { writeBatch } from './apply/write.ts'
import { isDamage, removeDatabase, setAside } from './database.ts'
import { type EventPage, type EventQuery, readEvents } from './read/events.ts'
import { type MessagePage, type MessageQuery, readMessages } from './read/messages.ts'
import { readArtifacts, readParticipants } from './read/people.ts'
import {
  type HistoryCursor,
  type MissedLines,
  readChanges,
  readTimeline,
  type TimelinePage,
} from './read/timeline.ts'
import {
  openSessionDatabase,
  queriesOf,
  type SessionQueries,
  sessionFile,
} from './session-database.ts'

export type SavedState = { readonly sequence: number; readonly state: unknown }

/** Anything here may throw code `STORE_DAMAGED`: the file is set aside then, and the store closed. */
export type SessionStore = {
  /** Number of the newest record whose rows are in the file; 0 for none. */
  appliedSequence(): number
  /** What `saveState` last wrote. */
  savedState(): SavedState | undefined
  /** Adds records, ascending. One transaction; those that are in already are skipped. */
  apply(entries: readonly Entry[]): Promise<void>
  /** Keeps the core's state as it was after the record `sequence`. */
  saveState(sequence: number, state: unknown): Promise<void>
  /** Brings everything that was written into the one file, for who reads its bytes. */
  checkpoint(): Promise<void>
  /** The newest lines that fit, ascending; at least one if there is any. */
  timeline(limit: number, maxBytes: number): Promise<TimelinePage>
  /** The newest lines before a cursor, likewise. */
  history(before: HistoryCursor, limit: number, maxBytes: number): Promise<TimelinePage>
  /** Every line after a client's `sequence`, or `complete: false`. */
  changesAfter(after: number, limit: number, maxBytes: number): Promise<MissedLines>
  /** @throws code `INVALID_CURSOR`. */
  events(query: EventQuery): Promise<EventPage>
  /** @throws code `INVALID_CURSOR`. */
  messages(query: MessageQuery): Promise<MessagePage>
  participants(): Promise<ParticipantRow[]>
  artifacts(): Promise<Artifact[]>
  /** The sockets that are open now, all of them. */
  recordConnections(sockets: readonly SocketPresence[]): Promise<void>
  close(): Promise<void>
  /** Closes and deletes the file. */
  destroy(): Promise<void>
}

/**
 * Opens the file of a session, makes it first if need be.
 *
 * @throws codes `STORE_DAMAGED` (it was renamed: opening again starts an empty one),
 *   `STORE_TOO_NEW`, `INVALID_TOKEN_TEXT`.
 */
export const openSessionStore = async (folder: string, sid: string): Promise<SessionStore> => {
  const file = sessionFile(folder, sid)
  const database = await openSessionDatabase(folder, sid)

  /** Runs in a transaction of its own, one after the other. */
  const within = async <T>(work: (db: SessionQueries) => Promise<T>): Promise<T> => {
    try {
      return await database.em.fork().transactional(em => work(queriesOf(em)))
    } catch (error) {
      if (!isDamage(error)) throw error
      await database.close()
      throw await setAside(file, error)
    }
  }

  const found = await within(readCarried)
  let { applied, saved, carried } = found
  let turn: Promise<unknown> = Promise.resolve()

  const applyNow = async (entries: readonly Entry[]): Promise<void> => {
    const fresh = entries.filter(entry => entry.sequence > applied)
    const last = fresh.at(-1)
    if (!last) return
    const batch = gather(carried, fresh)
    await within(async db => {
      await writeBatch(db, batch, carried)
      await db
        .updateTable('meta')
        .set({ applied_sequence: last.sequence })
        .where('id', '=', 1)
        .execute()
    })
    applied = last.sequence
    carried = { session: batch.session, sandbox: batch.sandbox, totalBytes: batch.totalBytes }
  }

  const close = async (): Promise<void> => {
    await turn
    await database.close()
  }

  return {
    appliedSequence: () => applied,
    savedState: () => {
      if (!saved) return undefined
      const { sequence, text } = saved
      return {
        sequence,
        // Large, and not always wanted.
        get state() {
          return JSON.parse(text) as unknown
        },
      }
    },
    apply: entries => {
      const applying = turn.then(() => applyNow(entries))
      turn = applying.catch(() => undefined)
      return applying
    },
    saveState: async (sequence, state) => {
      const text = JSON.stringify(state)
      await within(db =>
        db
          .updateTable('meta')
          .set({ state_sequence: sequence, state: text })
          .where('id', '=', 1)
          .execute(),
      )
      saved = { sequence, text }
    },
    checkpoint: async () => {
      await turn
      await database.em.getConnection().execute('pragma wal_checkpoint(truncate)')
    },
    timeline: (limit, maxBytes) => within(db => readTimeline(db, { limit, maxBytes })),
    history: (before, limit, maxBytes) =>
      within(db => readTimeline(db, { limit, maxBytes, before })),
    changesAfter: (after, limit, maxBytes) =>
      within(db => readChanges(db, { after, limit, maxBytes })),
    events: query => within(db => readEvents(db, query)),
    messages: query => within(db => readMessages(db, query)),
    participants: () => within(readParticipants),
    artifacts: () => within(readArtifacts),
    recordConnections: sockets => within(db => writeConnections(db, sockets)),
    close,
    destroy: async () => {
      await close()
      await removeDatabase(file)
    },
  }
}

const readCarried = async (
  db: SessionQueries,
): Promise<{
  applied: number
  saved: { sequence: number; text: string } | undefined
  carried: Carried
}> => {
  const [meta] = await db.selectFrom('meta').selectAll().execute()
  const [session] = await db.selectFrom('session').selectAll().execute()
  const [sandbox] = await db.selectFrom('sandbox').selectAll().execute()
  const [newest] = await db
    .selectFrom('changes')
    .select('total_bytes')
    .orderBy('sequence', 'desc')
    .limit(1)
    .execute()
  return {
    applied: meta?.applied_sequence ?? 0,
    saved:
      meta?.state_sequence != null && meta.state !== null
        ? { sequence: meta.state_sequence, text: meta.state }
        : undefined,
    carried: { session, sandbox, totalBytes: newest?.total_bytes ?? 0 },
  }
}
