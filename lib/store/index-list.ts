/** `GET /sessions`: newest change first, filtered, by cursor or by offset (spec 3.4). */
import { fail } from '../../subjects/errors.ts'
import type { SessionStatus, SessionSummary } from '../../subjects/records.ts'
import type { SummaryRow } from './entities/summaries.ts'
import type { IndexQueries } from './index-database.ts'

export type ListQuery = {
  /** Clamped to 1 … 100. */
  readonly limit: number
  readonly cursor?: string | null | undefined
  readonly offset?: number | undefined
  readonly status?: readonly string[] | undefined
  readonly excludeStatus?: readonly string[] | undefined
  /** Lower case, as sessions keep it. */
  readonly repoOwner?: string | undefined
  readonly repoName?: string | undefined
  /** User ids. */
  readonly createdBy?: readonly string[] | undefined
  /** Part of a title, in any case. */
  readonly search?: string | undefined
}
export type ListPage = { sessions: SessionSummary[]; cursor: string | null; hasMore: boolean }

const MAX_LIMIT = 100

/** @throws code `INVALID_CURSOR`. */
export const listSessions = async (db: IndexQueries, query: ListQuery): Promise<ListPage> => {
  const limit = Math.min(Math.max(Math.trunc(query.limit) || 1, 1), MAX_LIMIT)
  const rows = await matching(db, query)
    .orderBy('updated_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .offset(Math.max(Math.trunc(query.offset ?? 0) || 0, 0))
    .execute()
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    sessions: page.map(summaryOf),
    cursor: last ? encode(last.updated_at, last.id) : null,
    hasMore: rows.length > limit,
  }
}

const matching = (db: IndexQueries, query: ListQuery) => {
  let select = db.selectFrom('sessions').selectAll()
  if (query.status?.length) select = select.where('status', 'in', [...query.status])
  if (query.excludeStatus?.length) {
    select = select.where('status', 'not in', [...query.excludeStatus])
  }
  if (query.repoOwner) select = select.where('repo_owner', '=', query.repoOwner.toLowerCase())
  if (query.repoName) select = select.where('repo_name', '=', query.repoName.toLowerCase())
  if (query.createdBy?.length) select = select.where('user_id', 'in', [...query.createdBy])
  if (query.search) {
    // `instr` instead of LIKE: no character of the text means anything but itself.
    const text = query.search.toLowerCase()
    select = select.where(eb => eb.fn<number>('instr', ['title_folded', eb.val(text)]), '>', 0)
  }
  const from = decode(query.cursor)
  if (!from) return select
  return select
    .where('updated_at', '<=', from.updatedAt)
    .where(eb => eb.or([eb('updated_at', '<', from.updatedAt), eb('id', '<', from.id)]))
}

/** A row as the rest of the system knows it. */
export const summaryOf = (row: SummaryRow): SessionSummary => ({
  id: row.id,
  title: row.title,
  repoOwner: row.repo_owner,
  repoName: row.repo_name,
  baseBranch: row.base_branch,
  branchName: row.branch_name,
  model: row.model,
  reasoningEffort: row.reasoning_effort,
  status: row.status as SessionStatus,
  createdAtMs: row.created_at,
  updatedAtMs: row.updated_at,
  userId: row.user_id,
  login: row.scm_login,
  messageCount: row.message_count,
  totalCost: row.total_cost,
  finishedAtMs: row.finished_at,
})

/** Opaque to everybody else, so that the order may change one day. */
const encode = (updatedAt: number, id: string): string =>
  Buffer.from(`${updatedAt}:${id}`).toString('base64url')

const decode = (
  cursor: string | null | undefined,
): { updatedAt: number; id: string } | undefined => {
  if (cursor === null || cursor === undefined) return undefined
  const found = /^(\d{1,15}):(.{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString())
  if (!found) throw fail('INVALID_CURSOR', { cursor: cursor.slice(0, 80) })
  return { updatedAt: Number(found[1]), id: found[2] ?? '' }
}
