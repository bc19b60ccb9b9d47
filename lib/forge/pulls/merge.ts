/** Merges a pull request in git, and from there in the books. */
import { type MergeMethod, mergeCommits, moveBranch } from '../git/merge.ts'
import { reconcileAlone } from '../reconcile.ts'
import { refusal } from '../refusal.ts'
import { pathOf, type Repository, type Room } from '../room.ts'
import type { AccountRow } from '../tables.ts'
import { loadPull } from './show.ts'

export type MergeRequest = {
  readonly method: MergeMethod
  readonly title?: string | undefined
  readonly message?: string | undefined
  /** What the caller believes the head to be. */
  readonly sha?: string | undefined
}

/**
 * Resolves with the base's new tip. What is to become of it is written down before the branch
 * moves, so a forge that dies in between knows at its next start that this was the merge.
 *
 * @throws 405 when it cannot be merged, 409 when its head is not `sha`.
 */
export const mergePull = (
  room: Room,
  repository: Repository,
  number: number,
  by: AccountRow,
  request: MergeRequest,
): Promise<string> =>
  room.alone(repository.id, async () => {
    const { settings, store } = room
    const path = pathOf(settings, repository)
    // A push of this moment may not have been taken in yet.
    await reconcileAlone(room, repository, by)
    const { pull } = await store.within(db => loadPull(db, repository, number))
    if (pull.state !== 'open') throw refusal(405, 'Pull Request is not mergeable')
    if (pull.draft) throw refusal(405, 'Pull Request is still a draft')
    if (request.sha !== undefined && request.sha !== pull.head_sha) {
      throw refusal(409, 'Head branch was modified. Review and try the merge again.')
    }
    const usual =
      request.method === 'squash'
        ? { title: `${pull.title} (#${number})`, message: pull.body ?? '' }
        : {
            title: `Merge pull request #${number} from ${repository.owner.login}/${pull.head}`,
            message: pull.title,
          }
    const message = `${request.title ?? usual.title}\n\n${request.message ?? usual.message}`.trim()
    const email = by.email ?? `${by.id}+${by.login}@users.noreply.github.com`
    const result = await mergeCommits(path, {
      method: request.method,
      base: pull.base_sha,
      head: pull.head_sha,
      message,
      by: { name: by.name ?? by.login, email },
    })
    if ('conflicts' in result) {
      const files = result.conflicts.join(', ')
      throw refusal(405, `Pull Request has merge conflicts in ${files}`)
    }
    await store.within(db =>
      db
        .updateTable('pulls')
        .set({ merging_sha: result.sha, merging_by: by.id })
        .where('id', '=', pull.id)
        .execute(),
    )
    await moveBranch(path, pull.base, result.sha, pull.base_sha)
    await reconcileAlone(room, repository, by)
    return result.sha
  })
