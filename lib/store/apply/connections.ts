/** The registry of open sockets, `ws_client_mapping`: soft state, from presence, not from the log. */
import type { SocketPresence } from '../../../subjects/signals.ts'
import type { SessionQueries } from '../session-database.ts'

/** More sockets than this of one session are not listed: the newest are. */
export const CONNECTIONS_LISTED = 1_000

/**
 * Makes the table hold exactly these sockets. One that was there keeps its first `created_at`; one
 * of a participant that the file does not know is left out: presence may be ahead of the log.
 */
export const writeConnections = async (
  db: SessionQueries,
  sockets: readonly SocketPresence[],
): Promise<void> => {
  const people = await db.selectFrom('participants').select('id').execute()
  const known = new Set(people.map(row => row.id))
  const rows = sockets
    .filter(socket => known.has(socket.participantId))
    .slice(-CONNECTIONS_LISTED)
    .map(socket => ({
      ws_id: socket.connectionId,
      participant_id: socket.participantId,
      client_id: socket.clientId,
      created_at: socket.lastSeenMs,
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
