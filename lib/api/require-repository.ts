/** A session is opened only on a repository that the App sees, where there is a git host at all. */
import type { Repo } from '../../subjects/github.ts'
import { askGithub } from '../bus/ask-github.ts'
import type { ScmToken } from './callers/scm-token.ts'
import type { Room } from './room.ts'

/** @throws REPOSITORY_NOT_INSTALLED, REPOSITORY_NOT_YOURS, SIGN_IN_AGAIN, and those of `askGithub` */
export const requireRepository = async (
  { bus, config }: Pick<Room, 'bus' | 'config'>,
  { repoOwner, repoName }: { readonly repoOwner: string; readonly repoName: string },
  userId: string,
  scmToken: ScmToken | undefined,
): Promise<Repo | undefined> => {
  if (!config.github) return undefined
  const { repository } = await askGithub(bus, {
    v: 1,
    type: 'repository',
    owner: repoOwner.toLowerCase(),
    name: repoName.toLowerCase(),
    userId,
    ...(scmToken ? { accessTokenEncrypted: scmToken.encrypted } : {}),
  })
  return repository
}
