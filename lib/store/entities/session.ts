/**
 * The one row of `session`: what the session is. Here and in every entity of this room a property is
 * spelled like its column, so that a query reads like the table.
 */
import { defineEntity, p } from '@mikro-orm/sqlite'
import type { Row } from './row.ts'

export const SessionEntity = defineEntity({
  name: 'session',
  tableName: 'session',
  properties: {
    id: p.text().primary(),
    /** The public id. Equal to `id` here: there is no other one inside. */
    session_name: p.text().nullable(),
    title: p.text().nullable(),
    repo_owner: p.text(),
    repo_name: p.text(),
    repo_default_branch: p.text().default('main'),
    branch_name: p.text().nullable(),
    base_sha: p.text().nullable(),
    current_sha: p.text().nullable(),
    /** The agent's own session, whichever agent it is. */
    opencode_session_id: p.text().nullable(),
    model: p.text().default('claude-haiku-4-5'),
    reasoning_effort: p.text().nullable(),
    status: p.text().default('created'),
    total_cost: p.float().default(0),
    created_at: p.integer(),
    updated_at: p.integer(),
  },
})
export type SessionRow = Row<typeof SessionEntity>
