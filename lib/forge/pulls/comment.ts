/** Comments on pull requests, as a whole and on lines of the diff. */
import { accountById } from '../accounts.ts'
import { diffOf } from '../git/facts.ts'
import { deliver } from '../hooks.ts'
import {
  type CommentView,
  issueCommentJson,
  issueJson,
  reviewCommentJson,
} from '../json/comment.ts'
import { simplePullJson } from '../json/pull.ts'
import { invalid } from '../refusal.ts'
import { pathOf, type Repository, type Room } from '../room.ts'
import type { AccountRow, Db } from '../tables.ts'
import { hunkAt } from './hunk.ts'
import { loadPull, surroundings } from './show.ts'

export type Line = {
  readonly path: string
  /** Undefined for a comment on the file. */
  readonly line?: number | undefined
  readonly side: 'LEFT' | 'RIGHT'
  readonly inReplyTo?: number | undefined
}

export const commentsOf = async (
  db: Db,
  repository: Repository,
  number: number,
): Promise<CommentView[]> => {
  const rows = await db
    .selectFrom('comments')
    .selectAll()
    .where('repository_id', '=', repository.id)
    .where('pull_number', '=', number)
    .orderBy('id')
    .execute()
  return Promise.all(
    rows.map(async comment => {
      return { comment, repository, author: await accountById(db, comment.author_id) }
    }),
  )
}

/**
 * Adds a comment, on `line` if it is given.
 *
 * @throws 422 when the line is not part of the diff.
 */
export const addComment = async (
  room: Room,
  repository: Repository,
  number: number,
  author: AccountRow,
  { body, on }: { readonly body: string; readonly on?: Line },
): Promise<CommentView> => {
  const { settings, store, hooks } = room
  const { pull } = await store.within(db => loadPull(db, repository, number))
  const hunk = on && (await hunkOf(pathOf(settings, repository), pull, on))
  const at = settings.nowMs()
  const view = await store.within(async db => {
    const { id } = await db
      .insertInto('comments')
      .values({
        repository_id: repository.id,
        pull_number: number,
        author_id: author.id,
        body,
        created_at: at,
        path: on?.path ?? null,
        line: on?.line ?? null,
        side: on?.side ?? null,
        commit_sha: on ? pull.head_sha : null,
        diff_hunk: hunk ?? null,
        in_reply_to: on?.inReplyTo ?? null,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    await db.updateTable('pulls').set({ updated_at: at }).where('id', '=', pull.id).execute()
    const comments = await commentsOf(db, repository, number)
    const made = comments.find(one => one.comment.id === id)
    if (!made) throw new Error('a comment that was just written is not there')
    const pullView = await loadPull(db, repository, number)
    const action = 'created'
    const rest = surroundings(settings, repository, author)
    const told = on
      ? {
          event: 'pull_request_review_comment',
          payload: {
            action,
            comment: reviewCommentJson(settings, made),
            pull_request: simplePullJson(settings, pullView),
            ...rest,
          },
        }
      : {
          event: 'issue_comment',
          payload: {
            action,
            issue: issueJson(settings, pullView),
            comment: issueCommentJson(settings, made),
            ...rest,
          },
        }
    await deliver(db, { ...told, action, repository }, at)
    return made
  })
  hooks.kick()
  return view
}

const hunkOf = async (
  path: string,
  pull: { readonly base_sha: string; readonly head_sha: string },
  { path: file, line, side }: Line,
): Promise<string> => {
  const resource = 'PullRequestReviewComment'
  const diff = await diffOf(path, pull.base_sha, pull.head_sha, file)
  if (!diff) throw invalid({ resource, field: 'path', code: 'invalid' })
  if (line === undefined) return ''
  const hunk = hunkAt(diff, line, side)
  if (!hunk) {
    const message = 'pull_request_review_thread.line must be part of the diff'
    throw invalid({ resource, field: 'line', code: 'invalid', message })
  }
  return hunk
}
