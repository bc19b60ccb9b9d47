/** Participants and artifacts: short lists, whole. */
import type { ParticipantRow } from '../../../subjects/asks.ts'
import type { Artifact } from '../../../subjects/frames-server.ts'
import type { SessionQueries } from '../session-database.ts'

/** In the order in which they joined. */
export const readParticipants = async (db: SessionQueries): Promise<ParticipantRow[]> => {
  const rows = await db
    .selectFrom('participants')
    .select(['id', 'user_id', 'github_login', 'github_name', 'role', 'joined_at'])
    .orderBy('joined_at')
    .orderBy('id')
    .execute()
  return rows.map(row => ({
    id: row.id,
    userId: row.user_id,
    githubLogin: row.github_login,
    githubName: row.github_name,
    role: row.role,
    joinedAt: row.joined_at,
  }))
}

/** Newest first. */
export const readArtifacts = async (db: SessionQueries): Promise<Artifact[]> => {
  const rows = await db
    .selectFrom('artifacts')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute()
  return rows.map(row => ({
    id: row.id,
    type: row.type,
    url: row.url,
    metadata: row.metadata === null ? null : JSON.parse(row.metadata),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }))
}
