/** The registry of open sockets, `ws_client_mapping`: soft state, from presence, not from the log. */
import type { SessionQueries } from '../session-database.ts'

export type ConnectionRow = {
  readonly wsId: string
  readonly participantId: string
  readonly clientId: string | null
  readonly createdAtMs: number
}

/** More sockets than this of one session are not listed: the newest are. */
export const CONNECTIONS_LISTED = 1_000

/**
 * Makes the table hold exactly these sockets. One that was there keeps its first `created_at`; one
 * of a participant that the file does not know is left out: presence may be ahead of the log.
 */
export const writeConnections = async (
  db: SessionQueries,
  connections: readonly ConnectionRow[],
): Promise<void> => {
  const people = await db.selectFrom('participants').select('id').execute()
  const known = new Set(people.map(row => row.id))
  const rows = connections
    .filter(connection => known.has(connection.participantId))
    .slice(-CONNECTIONS_LISTED)
    .map(connection => ({
      ws_id: connection.wsId,
      participant_id: connection.participantId,
      client_id: connection.clientId,
      created_at: connection.createdAtMs,
    }))
  const open = rows.map(row => row.ws_id)
  await db.deleteFrom('ws_client_mapping').where('ws_id', 'not in', open).execute()
  if (rows.length === 0) return
  await db
    .insertInto('ws_client_mapping')
    .values(rows)
    .onConflict(on =>
      on.column('ws_id').doUpdateSet(eb => ({
        participant_id: eb.ref('excluded.participant_id'),
        client_id: eb.ref('excluded.client_id'),
      })),
    )
    .execute()
}
