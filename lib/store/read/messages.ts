/** `GET …/messages`: the prompts, newest first. */
import type { MessageRow } from '../../../subjects/asks.ts'
import type { SessionQueries } from '../session-database.ts'
import { cursorOf, type Position, parseCursor } from './cursor.ts'
import { cutPage, MAX_PAGE_BYTES, rowLimit } from './page.ts'

export type MessageQuery = {
  readonly limit: number
  readonly cursor?: string | null | undefined
  readonly status?: string | null | undefined
  readonly maxBytes?: number | undefined
}
export type MessagePage = { messages: MessageRow[]; cursor: string | null; hasMore: boolean }

/** @throws code `INVALID_CURSOR`. */
export const readMessages = async (
  db: SessionQueries,
  query: MessageQuery,
): Promise<MessagePage> => {
  const limit = rowLimit(query.limit)
  const { kept, hasMore } = cutPage(
    await keysOfPage(db, query, limit + 1),
    limit,
    query.maxBytes ?? MAX_PAGE_BYTES,
  )
  const last = kept.at(-1)
  return {
    messages: await rowsOf(
      db,
      kept.map(row => row.id),
    ),
    cursor: last ? cursorOf(last.created_at, last.queued_sequence, last.id) : null,
    hasMore,
  }
}

const keysOfPage = async (db: SessionQueries, query: MessageQuery, rows: number) => {
  const from = await placeOf(db, parseCursor(query.cursor))
  let select = db
    .selectFrom('messages')
    .select(eb => [
      'id',
      'created_at',
      'queued_sequence',
      eb(
        eb.fn<number>('octet_length', ['content']),
        '+',
        eb.fn<number>('coalesce', [eb.fn<number>('octet_length', ['attachments']), eb.lit(0)]),
      ).as('bytes'),
    ])
  if (query.status) select = select.where('status', '=', query.status)
  if (from) {
    select = select
      .where('created_at', '<=', from.createdAt)
      .where(eb =>
        eb.or([eb('created_at', '<', from.createdAt), eb('queued_sequence', '<', from.order ?? 0)]),
      )
  }
  return select
    .orderBy('created_at', 'desc')
    .orderBy('queued_sequence', 'desc')
    .limit(rows)
    .execute()
}

const placeOf = async (
  db: SessionQueries,
  position: Position | undefined,
): Promise<Position | undefined> => {
  if (!position || position.order !== null || position.id === null) return position
  const [row] = await db
    .selectFrom('messages')
    .select('queued_sequence')
    .where('id', '=', position.id)
    .execute()
  return { ...position, order: row?.queued_sequence ?? null }
}

const rowsOf = async (db: SessionQueries, ids: string[]): Promise<MessageRow[]> => {
  const rows = await db
    .selectFrom('messages')
    .selectAll()
    .where('id', 'in', ids)
    .orderBy('created_at', 'desc')
    .orderBy('queued_sequence', 'desc')
    .execute()
  return rows.map(row => ({
    id: row.id,
    authorId: row.author_id,
    content: row.content,
    source: row.source,
    model: row.model,
    status: row.status,
    errorMessage: row.error_message,
    attachments: row.attachments === null ? null : JSON.parse(row.attachments),
    createdAt: row.created_at,
    startedAt: row.started_at,
    completedAt: row.completed_at,
  }))
}
