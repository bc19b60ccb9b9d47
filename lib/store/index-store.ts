/**
 * The api's own copy of the newest summary of every session, for lists. It follows the IDX stream
 * and never decides anything; the file may be deleted at any time and is filled again from there.
 * One process has it open. Changes and the sequence up to which they reach are one transaction, so
 * whoever follows the stream goes on after `appliedSequence` and misses nothing, however it ended.
 */
import type { SessionSummary } from '../../subjects/records.ts'
import { isDamage, setAside } from './database.ts'
import type { SummaryRow } from './entities/summaries.ts'
import { type IndexQueries, indexQueriesOf, openIndexDatabase } from './index-database.ts'
import { type ListPage, type ListQuery, listSessions, summaryOf } from './index-list.ts'

/** The newest summary of a session, or the id of one that is gone for good. */
export type IndexChange = { readonly summary: SessionSummary } | { readonly removed: string }

/** Anything here may throw code `STORE_DAMAGED`: the file is set aside then, and the store closed. */
export type IndexStore = {
  /** Sequence in IDX up to which the file is; 0 for nothing. */
  appliedSequence(): number
  /**
   * Takes in changes, of each session its newest one, all or none; the file is up to `sequence` then.
   * Older news of a session than the file has, and any news of a removed one, change nothing.
   */
  write(sequence: number, changes: readonly IndexChange[]): Promise<void>
  /** @throws code `INVALID_CURSOR`. */
  list(query: ListQuery): Promise<ListPage>
  get(sid: string): Promise<SessionSummary | undefined>
  /** Empties the file: the stream that it followed is another one now. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** Rows of one statement; 17 columns each, far below SQLite's 32,766 parameters. */
const ROWS_A_STATEMENT = 250

/** @throws codes `STORE_DAMAGED` (it was renamed: opening again starts an empty one), `STORE_TOO_NEW`. */
export const openIndexStore = async (file: string): Promise<IndexStore> => {
  const database = await openIndexDatabase(file)
  const within = async <T>(work: (db: IndexQueries) => Promise<T>): Promise<T> => {
    try {
      return await database.em.fork().transactional(em => work(indexQueriesOf(em)))
    } catch (error) {
      if (!isDamage(error)) throw error
      await database.close()
      throw await setAside(file, error)
    }
  }

  const [meta] = await within(db => db.selectFrom('meta').selectAll().execute())
  const removed = await within(db => db.selectFrom('removed').select('id').execute())
  const gone = new Set(removed.map(row => row.id))
  let applied = meta?.applied_sequence ?? 0

  return {
    appliedSequence: () => applied,
    write: async (sequence, changes) => {
      const upTo = Math.max(applied, sequence)
      for (const change of changes) if ('removed' in change) gone.add(change.removed)
      await within(db => writeChanges(db, changes, gone, upTo))
      applied = Math.max(applied, upTo)
    },
    list: query => within(db => listSessions(db, query)),
    get: async sid => {
      const [row] = await within(db =>
        db.selectFrom('sessions').selectAll().where('id', '=', sid).execute(),
      )
      return row && summaryOf(row)
    },
    clear: async () => {
      await within(async db => {
        for (const table of ['sessions', 'removed'] as const) await db.deleteFrom(table).execute()
        await db.updateTable('meta').set({ applied_sequence: 0 }).where('id', '=', 1).execute()
      })
      gone.clear()
      applied = 0
    },
    close: () => database.close(),
  }
}

const writeChanges = async (
  db: IndexQueries,
  changes: readonly IndexChange[],
  gone: ReadonlySet<string>,
  upTo: number,
): Promise<void> => {
  for (const change of changes) {
    if (!('removed' in change)) continue
    const id = change.removed
    await db
      .insertInto('removed')
      .values({ id })
      .onConflict(on => on.doNothing())
      .execute()
    await db.deleteFrom('sessions').where('id', '=', id).execute()
  }
  const rows = changes
    .flatMap(change => ('summary' in change ? [rowOf(change.summary)] : []))
    .filter(row => !gone.has(row.id))
  for (let n = 0; n < rows.length; n += ROWS_A_STATEMENT) {
    await upsertRows(db, rows.slice(n, n + ROWS_A_STATEMENT))
  }
  await db.updateTable('meta').set({ applied_sequence: upTo }).where('id', '=', 1).execute()
}

const upsertRows = (db: IndexQueries, rows: SummaryRow[]) =>
  db
    .insertInto('sessions')
    .values(rows)
    .onConflict(on =>
      on
        .column('id')
        .doUpdateSet(eb => ({
          title: eb.ref('excluded.title'),
          title_folded: eb.ref('excluded.title_folded'),
          repo_owner: eb.ref('excluded.repo_owner'),
          repo_name: eb.ref('excluded.repo_name'),
          base_branch: eb.ref('excluded.base_branch'),
          branch_name: eb.ref('excluded.branch_name'),
          model: eb.ref('excluded.model'),
          reasoning_effort: eb.ref('excluded.reasoning_effort'),
          status: eb.ref('excluded.status'),
          created_at: eb.ref('excluded.created_at'),
          updated_at: eb.ref('excluded.updated_at'),
          user_id: eb.ref('excluded.user_id'),
          scm_login: eb.ref('excluded.scm_login'),
          message_count: eb.ref('excluded.message_count'),
          total_cost: eb.ref('excluded.total_cost'),
          finished_at: eb.ref('excluded.finished_at'),
        }))
        .whereRef('excluded.updated_at', '>=', 'sessions.updated_at'),
    )
    .execute()

const rowOf = (summary: SessionSummary): SummaryRow => ({
  id: summary.id,
  title: summary.title,
  title_folded: summary.title?.toLowerCase() ?? null,
  repo_owner: summary.repoOwner,
  repo_name: summary.repoName,
  base_branch: summary.baseBranch,
  branch_name: summary.branchName,
  model: summary.model,
  reasoning_effort: summary.reasoningEffort,
  status: summary.status,
  created_at: summary.createdAtMs,
  updated_at: summary.updatedAtMs,
  user_id: summary.userId,
  scm_login: summary.login,
  message_count: summary.messageCount,
  total_cost: summary.totalCost,
  finished_at: summary.finishedAtMs ?? null,
})
