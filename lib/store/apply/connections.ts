/** The registry of sockets, `ws_client_mapping`: soft state, from presence and not from the log. */
import type { SocketPresence } from '../../../subjects/signals.ts'
import type { SessionQueries } from '../session-database.ts'

/** Newest sockets that are remembered; the seed's table only ever grew. */
export const CONNECTIONS_KEPT = 256

/**
 * Remembers sockets. One that was there keeps its first `created_at`; one of a participant that the
 * file does not know is left out: presence may be ahead of the log.
 */
export const writeConnections = async (
  db: SessionQueries,
  sockets: readonly SocketPresence[],
): Promise<void> => {
  const people = await db.selectFrom('participants').select('id').execute()
  const known = new Set(people.map(row => row.id))
  const rows = sockets
    .filter(socket => known.has(socket.participantId))
    .slice(-CONNECTIONS_KEPT)
    .map(socket => ({
      ws_id: socket.connectionId,
      participant_id: socket.participantId,
      client_id: socket.clientId,
      created_at: socket.lastSeenMs,
    }))
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
  const kept = db
    .selectFrom('ws_client_mapping')
    .select('ws_id')
    .orderBy('created_at', 'desc')
    .orderBy('ws_id')
    .limit(CONNECTIONS_KEPT)
  await db.deleteFrom('ws_client_mapping').where('ws_id', 'not in', kept).execute()
}
