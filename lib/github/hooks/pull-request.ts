/**
 * Something happened to a pull request. Its state, with GitHub's own time of it, is told to the session,
 * which keeps the newest (spec 6.5). One whose branch lies in a fork is nobody's.
 */
import type { z } from 'zod'
import type { PullRequestState } from '../../../subjects/github.ts'
import type { HookPullRequest, pullRequestHook } from '../../../subjects/webhooks.ts'
import type { Hooks } from './deliver.ts'

export const stateOf = (pull: HookPullRequest): PullRequestState => {
  if (pull.state === 'open') return pull.draft ? 'draft' : 'open'
  return pull.merged || pull.merged_at ? 'merged' : 'closed'
}

export const isFork = ({ head, base }: Pick<HookPullRequest, 'head' | 'base'>): boolean =>
  head.repo?.id !== base.repo.id

export const onPullRequest = async (
  hooks: Hooks,
  { repository, pull_request: pull }: z.infer<typeof pullRequestHook>,
  deliveryId: string,
): Promise<string> => {
  if (isFork(pull)) return 'from a fork'
  const { id, full_name: fullName } = repository
  const { number } = pull
  const sid = await hooks.sessionOf.pullRequest({ id, fullName }, { number, head: pull.head.ref })
  if (sid === undefined) return 'no session has this pull request'
  await hooks.sessionOf.claimPullRequest(id, number, sid)
  await hooks.tell(
    sid,
    {
      v: 1,
      type: 'pull_request_changed',
      repositoryId: id,
      number,
      state: stateOf(pull),
      title: pull.title,
      url: pull.html_url,
      headBranch: pull.head.ref,
      baseBranch: pull.base.ref,
      headSha: pull.head.sha,
      providerUpdatedAtMs: Date.parse(pull.updated_at),
      deliveryId,
    },
    deliveryId,
  )
  return 'told'
}
