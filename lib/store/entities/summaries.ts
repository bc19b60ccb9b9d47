/** The read model of all sessions, for lists. A file of its own, in the api's folder. */
import { defineEntity, p } from '@mikro-orm/sqlite'
import type { Row } from './row.ts'

export const SummaryEntity = defineEntity({
  name: 'sessions',
  tableName: 'sessions',
  indexes: [
    { name: 'sessions_updated_at', properties: ['updated_at', 'id'] },
    { name: 'sessions_status', properties: ['status', 'updated_at', 'id'] },
    { name: 'sessions_repository', properties: ['repo_owner', 'repo_name', 'updated_at', 'id'] },
    { name: 'sessions_user_id', properties: ['user_id', 'updated_at', 'id'] },
  ],
  properties: {
    id: p.text().primary(),
    title: p.text().nullable(),
    /** `title` in lower case, because SQLite's own LIKE folds ASCII only. */
    title_folded: p.text().nullable(),
    repo_owner: p.text(),
    repo_name: p.text(),
    base_branch: p.text(),
    branch_name: p.text().nullable(),
    model: p.text(),
    reasoning_effort: p.text().nullable(),
    status: p.text(),
    created_at: p.integer(),
    updated_at: p.integer(),
    user_id: p.text(),
    scm_login: p.text().nullable(),
    message_count: p.integer().default(0),
    total_cost: p.float().default(0),
    finished_at: p.integer().nullable(),
  },
})
export type SummaryRow = Row<typeof SummaryEntity>

/** Sessions that are gone for good: a late summary must not bring one back. */
export const RemovedEntity = defineEntity({
  name: 'removed',
  tableName: 'removed',
  properties: { id: p.text().primary() },
})

/** Up to where IDX is in this file. */
export const IndexMetaEntity = defineEntity({
  name: 'meta',
  tableName: 'meta',
  properties: {
    /** Always 1. */
    id: p.integer().primary().autoincrement(false),
    applied_sequence: p.integer().default(0),
  },
})
