/** `GET …/messages`: the prompts, newest first. */
import type { MessageRow } from '../../../subjects/asks.ts'
import type { SessionQueries } from '../session-database.ts'
import { type Key, type KeysetQuery, type Place, readKeyset } from './keyset.ts'

export type MessageQuery = KeysetQuery & { readonly status?: string | null | undefined }
export type MessagePage = { messages: MessageRow[]; cursor: string | null; hasMore: boolean }

/** @throws code `INVALID_CURSOR`. */
export const readMessages = async (
  db: SessionQueries,
  query: MessageQuery,
): Promise<MessagePage> => {
  const { rows: messages, ...page } = await readKeyset(query, {
    keys: (from, rows) => keysOf(db, query, from, rows),
    orderOf: async id => {
      const found = db.selectFrom('messages').select('queued_sequence').where('id', '=', id)
      return (await found.execute())[0]?.queued_sequence
    },
    rows: keys => rowsOf(db, keys),
  })
  return { messages, ...page }
}

const keysOf = (db: SessionQueries, query: MessageQuery, from: Place | undefined, rows: number) => {
  let select = db
    .selectFrom('messages')
    .select(eb => [
      'id',
      'created_at',
      'queued_sequence as order',
      eb(
        eb.fn<number>('octet_length', ['content']),
        '+',
        eb.fn<number>('coalesce', [eb.fn<number>('octet_length', ['attachments']), eb.lit(0)]),
      ).as('bytes'),
    ])
  if (query.status) select = select.where('status', '=', query.status)
  if (from) {
    const { createdAt, order } = from
    select = select
      .where('created_at', '<=', createdAt)
      .where(eb => eb.or([eb('created_at', '<', createdAt), eb('queued_sequence', '<', order)]))
  }
  return select
    .orderBy('created_at', 'desc')
    .orderBy('queued_sequence', 'desc')
    .limit(rows)
    .execute()
}

const rowsOf = async (db: SessionQueries, keys: readonly Key[]): Promise<MessageRow[]> => {
  const ids = keys.map(key => key.id)
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
