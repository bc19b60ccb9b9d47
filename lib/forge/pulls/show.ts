/** Finds pull requests and tells of them by webhook. */
import { accountById } from '../accounts.ts'
import { deliver } from '../hooks.ts'
import { accountJson } from '../json/account.ts'
import { installationRef } from '../json/installation.ts'
import { type PullView, pullJson } from '../json/pull.ts'
import { repositoryJson } from '../json/repository.ts'
import { notFound } from '../refusal.ts'
import type { ForgeSettings, Repository } from '../room.ts'
import type { AccountRow, Db, PullRow } from '../tables.ts'
import type { PullFacts } from './facts.ts'

const viewOf = async (db: Db, repository: Repository, pull: PullRow): Promise<PullView> => {
  const comments = await db
    .selectFrom('comments')
    .select('path')
    .where('repository_id', '=', repository.id)
    .where('pull_number', '=', pull.number)
    .execute()
  const onLines = comments.filter(({ path }) => path !== null).length
  return {
    pull,
    repository,
    author: await accountById(db, pull.author_id),
    mergedBy: pull.merged_by === null ? null : await accountById(db, pull.merged_by),
    comments: comments.length - onLines,
    reviewComments: onLines,
  }
}

/** @throws 404 */
export const loadPull = async (
  db: Db,
  repository: Repository,
  number: number,
): Promise<PullView> => {
  const pull = await db
    .selectFrom('pulls')
    .selectAll()
    .where('repository_id', '=', repository.id)
    .where('number', '=', number)
    .executeTakeFirst()
  if (!pull) throw notFound()
  return viewOf(db, repository, pull)
}

export type PullQuery = {
  readonly state: 'open' | 'closed' | 'all'
  readonly head?: string | undefined
  readonly base?: string | undefined
  readonly sort: 'created' | 'updated'
  readonly direction: 'asc' | 'desc'
  readonly offset: number
  readonly limit: number
}

/** One page, and whether there are more. */
export const listPulls = async (db: Db, repository: Repository, query: PullQuery) => {
  let rows = db.selectFrom('pulls').selectAll().where('repository_id', '=', repository.id)
  if (query.state !== 'all') rows = rows.where('state', '=', query.state)
  if (query.head !== undefined) rows = rows.where('head', '=', query.head)
  if (query.base !== undefined) rows = rows.where('base', '=', query.base)
  const column = query.sort === 'updated' ? 'updated_at' : 'created_at'
  const found = await rows
    .orderBy(column, query.direction)
    .orderBy('number', query.direction)
    .offset(query.offset)
    .limit(query.limit + 1)
    .execute()
  const page = found.slice(0, query.limit)
  return {
    pulls: await Promise.all(page.map(pull => viewOf(db, repository, pull))),
    more: found.length > query.limit,
  }
}

/** What every webhook about something in a repository has. */
export const surroundings = (
  settings: ForgeSettings,
  repository: Repository,
  sender: AccountRow,
) => ({
  repository: repositoryJson(settings, repository),
  sender: accountJson(settings, sender),
  installation: installationRef(settings),
})

export type PullEvent = {
  readonly repository: Repository
  readonly number: number
  readonly facts: PullFacts
  readonly action: string
  readonly sender: AccountRow
  readonly extra?: object | undefined
}

/** Writes down the `pull_request` webhook for how the pull request stands now. */
export const deliverPull = async (
  db: Db,
  settings: ForgeSettings,
  { repository, number, facts, action, sender, extra }: PullEvent,
): Promise<void> => {
  const view = await loadPull(db, repository, number)
  const payload = {
    action,
    number,
    pull_request: pullJson(settings, view, facts),
    ...extra,
    ...surroundings(settings, repository, sender),
  }
  await deliver(db, { event: 'pull_request', action, payload, repository }, settings.nowMs())
}
