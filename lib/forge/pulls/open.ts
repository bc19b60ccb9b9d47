/** Opens and edits pull requests. */
import { keepHead } from '../git/facts.ts'
import { pullJson } from '../json/pull.ts'
import { invalid } from '../refusal.ts'
import { branchSha } from '../repositories.ts'
import { pathOf, type Repository, type Room } from '../room.ts'
import type { AccountRow, PullRow } from '../tables.ts'
import { mergeable, pullFacts } from './facts.ts'
import { deliverPull, loadPull } from './show.ts'

const RESOURCE = { resource: 'PullRequest' } as const
const custom = (message: string) => invalid({ ...RESOURCE, code: 'custom', message })

/** A pull request as REST shows it, with what git says of it now. */
export const showPull = async (room: Room, repository: Repository, number: number) => {
  const view = await room.store.within(db => loadPull(db, repository, number))
  const { base_sha, head_sha, state } = view.pull
  const path = pathOf(room.settings, repository)
  const facts = await pullFacts(path, base_sha, head_sha)
  const merges = state === 'open' ? await mergeable(path, base_sha, head_sha) : null
  return pullJson(room.settings, view, facts, merges)
}

export type NewPull = {
  readonly title: string
  readonly body: string | null
  /** A branch, or `owner:branch`. */
  readonly head: string
  readonly base: string
  readonly draft: boolean
}

/** The branch that a head such as `owner:branch` names; undefined for that of a fork. */
export const headBranch = (repository: Repository, head: string): string | undefined => {
  const [, owner, branch = ''] = /^(?:([^:]*):)?(.*)$/s.exec(head) ?? []
  const own = owner === undefined || owner.toLowerCase() === repository.owner.login_folded
  return own ? branch : undefined
}

/**
 * Opens one; gives its number.
 *
 * @throws 422 as GitHub does: no such branch, nothing to merge, or one is open already.
 */
export const openPull = (
  room: Room,
  repository: Repository,
  author: AccountRow,
  wanted: NewPull,
): Promise<number> =>
  room.alone(repository.id, async () => {
    const { settings, store, hooks } = room
    const path = pathOf(settings, repository)
    const head = headBranch(repository, wanted.head)
    const { base } = wanted
    const [headSha, baseSha] = await store.within(async db => [
      head === undefined ? undefined : await branchSha(db, repository.id, head),
      await branchSha(db, repository.id, base),
    ])
    if (!baseSha) throw invalid({ ...RESOURCE, field: 'base', code: 'invalid' })
    if (head === undefined || !headSha) {
      throw invalid({ ...RESOURCE, field: 'head', code: 'invalid' })
    }
    const facts = await pullFacts(path, baseSha, headSha)
    if (facts.commits === 0) throw custom(`No commits between ${base} and ${head}`)
    const at = settings.nowMs()
    const number = await store.within(async db => {
      const pulls = db.selectFrom('pulls').where('repository_id', '=', repository.id)
      const same = pulls.select('number').where('head', '=', head).where('base', '=', base)
      if (await same.where('state', '=', 'open').executeTakeFirst()) {
        throw custom(`A pull request already exists for ${repository.owner.login}:${head}.`)
      }
      const last = await pulls.select('number').orderBy('number', 'desc').executeTakeFirst()
      const number = (last?.number ?? 0) + 1
      await db
        .insertInto('pulls')
        .values({
          repository_id: repository.id,
          number,
          title: wanted.title,
          body: wanted.body,
          head,
          base,
          head_sha: headSha,
          base_sha: baseSha,
          author_id: author.id,
          state: 'open',
          draft: wanted.draft ? 1 : 0,
          created_at: at,
          updated_at: at,
        })
        .execute()
      const event = { repository, number, facts, action: 'opened', sender: author }
      await deliverPull(db, settings, event)
      return number
    })
    await keepHead(path, number, headSha)
    hooks.kick()
    return number
  })

export type PullEdit = {
  readonly title?: string | undefined
  readonly body?: string | null | undefined
  readonly state?: 'open' | 'closed' | undefined
  readonly base?: string | undefined
  readonly draft?: boolean | undefined
}

/** Changes what `edit` names; each kind of change is told by a webhook of its own. */
export const editPull = (
  room: Room,
  repository: Repository,
  number: number,
  sender: AccountRow,
  edit: PullEdit,
): Promise<void> =>
  room.alone(repository.id, async () => {
    const { settings, store, hooks } = room
    const path = pathOf(settings, repository)
    const read = await store.within(async db => ({
      pull: (await loadPull(db, repository, number)).pull,
      base: edit.base === undefined ? undefined : await branchSha(db, repository.id, edit.base),
      head: await branchSha(db, repository.id, (await loadPull(db, repository, number)).pull.head),
    }))
    const { pull } = read
    if (edit.base !== undefined && !read.base) {
      throw invalid({ ...RESOURCE, field: 'base', code: 'invalid' })
    }
    const reopens = edit.state === 'open' && pull.state === 'closed'
    if (reopens && pull.merged_at !== null) {
      throw invalid({ ...RESOURCE, field: 'state', code: 'invalid', message: 'It was merged.' })
    }
    if (reopens && !read.head) throw custom(`The branch ${pull.head} is no more.`)
    const at = settings.nowMs()
    const { row, actions } = changesOf(pull, edit, at)
    if (read.base) row.base_sha = read.base
    if (reopens && read.head) row.head_sha = read.head
    if (actions.length === 0) return
    const after = { ...pull, ...row }
    const facts = await pullFacts(path, after.base_sha, after.head_sha)
    await store.within(async db => {
      if (after.state === 'open') {
        const rivals = db
          .selectFrom('pulls')
          .select('number')
          .where('repository_id', '=', repository.id)
          .where('state', '=', 'open')
          .where('head', '=', after.head)
          .where('base', '=', after.base)
          .where('number', '!=', number)
        if (await rivals.executeTakeFirst()) {
          throw custom(`A pull request already exists for ${repository.owner.login}:${after.head}.`)
        }
      }
      await db.updateTable('pulls').set(row).where('id', '=', pull.id).execute()
      for (const { action, extra } of actions) {
        await deliverPull(db, settings, { repository, number, facts, action, sender, extra })
      }
    })
    hooks.kick()
  })

type Action = { readonly action: string; readonly extra?: object }

const changesOf = (pull: PullRow, edit: PullEdit, at: number) => {
  const row: Partial<PullRow> = { updated_at: at }
  const actions: Action[] = []
  const changes: Record<string, object> = {}
  if (edit.title !== undefined && edit.title !== pull.title) {
    row.title = edit.title
    changes.title = { from: pull.title }
  }
  if (edit.body !== undefined && edit.body !== pull.body) {
    row.body = edit.body
    changes.body = { from: pull.body ?? '' }
  }
  if (edit.base !== undefined && edit.base !== pull.base) {
    row.base = edit.base
    changes.base = { ref: { from: pull.base }, sha: { from: pull.base_sha } }
  }
  if (Object.keys(changes).length > 0) actions.push({ action: 'edited', extra: { changes } })
  if (edit.draft !== undefined && edit.draft !== (pull.draft === 1)) {
    row.draft = edit.draft ? 1 : 0
    actions.push({ action: edit.draft ? 'converted_to_draft' : 'ready_for_review' })
  }
  if (edit.state !== undefined && edit.state !== pull.state) {
    row.state = edit.state
    row.closed_at = edit.state === 'closed' ? at : null
    actions.push({ action: edit.state === 'closed' ? 'closed' : 'reopened' })
  }
  return { row, actions }
}
