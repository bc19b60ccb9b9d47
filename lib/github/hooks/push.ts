/**
 * A push to a session's branch. Deliveries come late, twice and out of order, and a push says nothing of
 * its place among others: so where the branch stands now is asked of GitHub, and that is told. An answer may
 * be overtaken on its way through us, so it is looked at again until it is what was told last.
 */
import type { z } from 'zod'
import type { pushHook } from '../../../subjects/webhooks.ts'
import { githubFailure, statusOf } from '../request.ts'
import type { Hooks } from './deliver.ts'

const BRANCH = /^refs\/heads\/(.+)$/

export const onPush = async (
  hooks: Hooks,
  { repository, ref, deleted }: z.infer<typeof pushHook>,
  deliveryId: string,
): Promise<string> => {
  const branch = BRANCH.exec(ref)?.[1]
  if (branch === undefined) return 'not a branch'
  if (deleted) return 'the branch was deleted'
  const { id, full_name: fullName } = repository
  const sid = await hooks.sessionOf.branch({ id, fullName }, branch)
  if (sid === undefined) return 'no session has this branch'
  for (let told: string | undefined; ; ) {
    const sha = await headOf(hooks, fullName, branch)
    if (sha === undefined) return 'the branch is gone'
    if (sha === told) return 'told'
    const command = { v: 1, type: 'git_pushed', branch, sha, deliveryId } as const
    await hooks.tell(sid, command, `${deliveryId}:${sha}`)
    told = sha
  }
}

const headOf = async ({ app }: Hooks, fullName: string, branch: string) => {
  const [owner = '', repo = ''] = fullName.split('/')
  try {
    const { data } = await app.asInstallation(request =>
      request('GET /repos/{owner}/{repo}/branches/{branch}', { owner, repo, branch }),
    )
    return data.commit.sha
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw githubFailure(error)
  }
}
