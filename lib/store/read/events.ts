/** `GET …/events`: the stored lines, newest first, as they are now. */
import type { EventRow } from '../../../subjects/asks.ts'
import type { SessionQueries } from '../session-database.ts'
import { cursorOf, type Position, parseCursor } from './cursor.ts'
import { cutPage, MAX_PAGE_BYTES, rowLimit } from './page.ts'

export type EventQuery = {
  readonly limit: number
  readonly cursor?: string | null | undefined
  readonly eventType?: string | null | undefined
  readonly messageId?: string | null | undefined
  readonly maxBytes?: number | undefined
}
export type EventPage = { events: EventRow[]; cursor: string | null; hasMore: boolean }

/** @throws code `INVALID_CURSOR`. */
export const readEvents = async (db: SessionQueries, query: EventQuery): Promise<EventPage> => {
  const limit = rowLimit(query.limit)
  const { kept, hasMore } = cutPage(
    await keysOfPage(db, query, limit + 1),
    limit,
    query.maxBytes ?? MAX_PAGE_BYTES,
  )
  const last = kept.at(-1)
  return {
    events: await rowsOf(
      db,
      kept.map(row => row.timeline_sequence),
    ),
    cursor: last ? cursorOf(last.created_at, last.timeline_sequence, last.id) : null,
    hasMore,
  }
}

/** Sizes before contents, so that a page of huge rows is never in memory as a whole. */
const keysOfPage = async (db: SessionQueries, query: EventQuery, rows: number) => {
  const from = await placeOf(db, parseCursor(query.cursor))
  let select = db
    .selectFrom('events')
    .select(eb => [
      'id',
      'created_at',
      'timeline_sequence',
      eb.fn<number>('octet_length', ['data']).as('bytes'),
    ])
  if (query.eventType) select = select.where('type', '=', query.eventType)
  if (query.messageId) select = select.where('message_id', '=', query.messageId)
  if (from) {
    select = select
      .where('created_at', '<=', from.createdAt)
      .where(eb =>
        eb.or([
          eb('created_at', '<', from.createdAt),
          eb('timeline_sequence', '<', from.order ?? 0),
        ]),
      )
  }
  return select
    .orderBy('created_at', 'desc')
    .orderBy('timeline_sequence', 'desc')
    .limit(rows)
    .execute()
}

/** A cursor of the older form names a row, whose place is looked up. */
const placeOf = async (
  db: SessionQueries,
  position: Position | undefined,
): Promise<Position | undefined> => {
  if (!position || position.order !== null || position.id === null) return position
  const [row] = await db
    .selectFrom('events')
    .select('timeline_sequence')
    .where('id', '=', position.id)
    .execute()
  return { ...position, order: row?.timeline_sequence ?? null }
}

const rowsOf = async (db: SessionQueries, positions: number[]): Promise<EventRow[]> => {
  const rows = await db
    .selectFrom('events')
    .selectAll()
    .where('timeline_sequence', 'in', positions)
    .orderBy('created_at', 'desc')
    .orderBy('timeline_sequence', 'desc')
    .execute()
  return rows.map(row => ({
    id: row.id,
    type: row.type,
    data: JSON.parse(row.data),
    messageId: row.message_id,
    createdAt: row.created_at,
    sequence: row.timeline_sequence,
  }))
}
