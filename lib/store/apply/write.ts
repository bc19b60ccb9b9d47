/** One batch → the tables, inside the transaction that the caller opened. */
import type { SessionQueries } from '../session-database.ts'
import type { Batch, Carried } from './batch.ts'
import { TOKENS_KEPT } from './participants.ts'
import { movesForward } from './timeline.ts'

/** Versions of lines that are kept for clients that come back, and how many bytes of them. */
export const CHANGES_KEPT = 5_000
export const CHANGE_BYTES_KEPT = 32 * 1024 ** 2

/** Rows of one statement: far below SQLite's 32,766 parameters, and best by measurement. */
const ROWS_A_STATEMENT = 300

export const writeBatch = async (
  db: SessionQueries,
  batch: Batch,
  carried: Carried,
): Promise<void> => {
  await writeSession(db, batch, carried)
  await writeParticipants(db, batch)
  await writeMessages(db, batch)
  await writeTimeline(db, batch)
  await writeArtifacts(db, batch)
}

/** The two single rows: whole when they are new, else what is different. */
const writeSession = async (db: SessionQueries, batch: Batch, carried: Carried): Promise<void> => {
  const { session, sandbox } = batch
  if (session && !carried.session) await db.insertInto('session').values(session).execute()
  const changed = session && difference(carried.session, session)
  if (changed) await db.updateTable('session').set(changed).execute()
  if (sandbox && !carried.sandbox) await db.insertInto('sandbox').values(sandbox).execute()
  const moved = sandbox && difference(carried.sandbox, sandbox)
  if (moved) await db.updateTable('sandbox').set(moved).execute()
}

/** The columns of `after` that are others than in `before`; undefined for none, or without a `before`. */
const difference = <Row extends object>(
  before: Row | undefined,
  after: Row,
): Partial<Row> | undefined => {
  if (!before || before === after) return undefined
  const columns = (Object.keys(after) as (keyof Row)[]).filter(key => before[key] !== after[key])
  if (columns.length === 0) return undefined
  return Object.fromEntries(columns.map(key => [key, after[key]])) as Partial<Row>
}

const writeParticipants = async (
  db: SessionQueries,
  { participants, tokens }: Batch,
): Promise<void> => {
  for (const rows of chunks([...participants.inserts.values()])) {
    await db.insertInto('participants').values(rows).execute()
  }
  for (const [id, change] of participants.updates) {
    await db.updateTable('participants').set(change).where('id', '=', id).execute()
  }
  if (tokens.size === 0) return
  for (const rows of chunks([...tokens.values()])) {
    await db
      .insertInto('ws_tokens')
      .values(rows)
      .onConflict(on =>
        on
          .columns(['participant_id', 'hash'])
          .doUpdateSet(eb => ({ created_at: eb.ref('excluded.created_at') })),
      )
      .execute()
  }
  for (const id of new Set([...tokens.values()].map(token => token.participant_id))) {
    const kept = db
      .selectFrom('ws_tokens')
      .select('hash')
      .where('participant_id', '=', id)
      .orderBy('created_at', 'desc')
      .orderBy('hash')
      .limit(TOKENS_KEPT)
    await db
      .deleteFrom('ws_tokens')
      .where('participant_id', '=', id)
      .where('hash', 'not in', kept)
      .execute()
  }
}

/**
 * Whoever runs now is written last: the file allows one `processing` row at a time, and the one
 * before it must have left first.
 */
const writeMessages = async (db: SessionQueries, { messages, cancelled }: Batch): Promise<void> => {
  const runs = ({ status }: { status?: string }) => status === 'processing'
  const inserts = [...messages.inserts.values()]
  const updates = [...messages.updates]
  for (const ids of chunks([...cancelled])) {
    await db.deleteFrom('messages').where('id', 'in', ids).execute()
  }
  for (const rows of chunks(inserts.filter(row => !runs(row)))) {
    await db.insertInto('messages').values(rows).execute()
  }
  for (const [id, change] of updates.sort((a, b) => Number(runs(a[1])) - Number(runs(b[1])))) {
    await db.updateTable('messages').set(change).where('id', '=', id).execute()
  }
  for (const row of inserts.filter(runs)) await db.insertInto('messages').values(row).execute()
}

const writeTimeline = async (db: SessionQueries, { events, changes }: Batch): Promise<void> => {
  const newest = changes.at(-1)
  if (!newest) return
  const lines = [...events.values()]
  for (const moves of [true, false]) {
    for (const rows of chunks(lines.filter(line => movesForward(line.type) === moves))) {
      await db
        .insertInto('events')
        .values(rows)
        .onConflict(on =>
          on.column('id').doUpdateSet(eb => ({
            type: eb.ref('excluded.type'),
            data: eb.ref('excluded.data'),
            message_id: eb.ref('excluded.message_id'),
            timeline_sequence: eb.ref('excluded.timeline_sequence'),
            sequence: eb.ref('excluded.sequence'),
            ...(moves ? { created_at: eb.ref('excluded.created_at') } : {}),
          })),
        )
        .execute()
    }
  }
  for (const rows of chunks(changes)) await db.insertInto('changes').values(rows).execute()
  await forgetChanges(db, newest)
}

/** Both bounds only grow, so what is left does not depend on how the records were batched. */
const forgetChanges = async (
  db: SessionQueries,
  newest: { sequence: number; total_bytes: number },
): Promise<void> => {
  const lastBySequence = newest.sequence - CHANGES_KEPT
  if (lastBySequence > 0) {
    await db.deleteFrom('changes').where('sequence', '<=', lastBySequence).execute()
  }
  const lastByBytes = newest.total_bytes - CHANGE_BYTES_KEPT
  if (lastByBytes <= 0) return
  const firstKept = db
    .selectFrom('changes')
    .select('sequence')
    .where('total_bytes', '>', lastByBytes)
    .orderBy('sequence')
    .limit(1)
  await db.deleteFrom('changes').where('sequence', '<', firstKept).execute()
}

const writeArtifacts = async (db: SessionQueries, { artifacts }: Batch): Promise<void> => {
  for (const rows of chunks([...artifacts.values()])) {
    await db
      .insertInto('artifacts')
      .values(rows)
      .onConflict(on =>
        on.column('id').doUpdateSet(eb => ({
          type: eb.ref('excluded.type'),
          url: eb.ref('excluded.url'),
          metadata: eb.ref('excluded.metadata'),
          updated_at: eb.ref('excluded.updated_at'),
        })),
      )
      .execute()
  }
}

const chunks = <T>(rows: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(rows.length / ROWS_A_STATEMENT) }, (_, n) =>
    rows.slice(n * ROWS_A_STATEMENT, (n + 1) * ROWS_A_STATEMENT),
  )
