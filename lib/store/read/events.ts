/** `GET …/events`: the stored lines, newest first, as they are now. */
import type { EventRow } from '../../../subjects/asks.ts'
import type { SessionQueries } from '../session-database.ts'
import { type Key, type KeysetQuery, type Place, readKeyset } from './keyset.ts'

export type EventQuery = KeysetQuery & {
  readonly eventType?: string | null | undefined
  readonly messageId?: string | null | undefined
}
export type EventPage = { events: EventRow[]; cursor: string | null; hasMore: boolean }

/** @throws code `INVALID_CURSOR`. */
export const readEvents = async (db: SessionQueries, query: EventQuery): Promise<EventPage> => {
  const { rows: events, ...page } = await readKeyset(query, {
    keys: (from, rows) => keysOf(db, query, from, rows),
    orderOf: async id => {
      const found = db.selectFrom('events').select('timeline_sequence').where('id', '=', id)
      return (await found.execute())[0]?.timeline_sequence
    },
    rows: keys => rowsOf(db, keys),
  })
  return { events, ...page }
}

const keysOf = (db: SessionQueries, query: EventQuery, from: Place | undefined, rows: number) => {
  let select = db
    .selectFrom('events')
    .select(eb => [
      'id',
      'created_at',
      'timeline_sequence as order',
      eb.fn<number>('octet_length', ['data']).as('bytes'),
    ])
  if (query.eventType) select = select.where('type', '=', query.eventType)
  if (query.messageId) select = select.where('message_id', '=', query.messageId)
  if (from) {
    const { createdAt, order } = from
    select = select
      .where('created_at', '<=', createdAt)
      .where(eb => eb.or([eb('created_at', '<', createdAt), eb('timeline_sequence', '<', order)]))
  }
  return select
    .orderBy('created_at', 'desc')
    .orderBy('timeline_sequence', 'desc')
    .limit(rows)
    .execute()
}

const rowsOf = async (db: SessionQueries, keys: readonly Key[]): Promise<EventRow[]> => {
  const positions = keys.map(key => key.order)
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
