/** The answers to the questions of subjects/github.ts. */
import { fail } from '../../subjects/errors.ts'
import {
  type GithubAnswerOf,
  type GithubQuestion,
  type GithubQuestionOf,
  githubUserIdOf,
} from '../../subjects/github.ts'
import { decryptToken, type EncryptionKeys } from '../auth/token-encryption.ts'
import type { App } from './app.ts'
import type { Repositories } from './repositories.ts'
import { githubFailure, isRefusal, openRequest, withToken } from './request.ts'
import type { UserTokenStore } from './user-tokens.ts'

export type Answering = {
  readonly app: App
  readonly repositories: Repositories
  readonly tokens: UserTokenStore
  readonly keys: EncryptionKeys
  readonly apiUrl: string
  readonly requireUserAccess: boolean
  readonly signIn: (asked: GithubQuestionOf<'sign_in'>) => Promise<GithubAnswerOf<'sign_in'>>
}

type Asked<T extends GithubQuestion['type']> = GithubQuestionOf<T>

/** A token that a web app handed over; undefined for one that cannot be read. */
export const handedOver = (keys: EncryptionKeys, encrypted: string | null | undefined) => {
  if (!encrypted) return undefined
  try {
    return decryptToken(keys, encrypted)
  } catch {
    return undefined
  }
}

/** @throws REPOSITORY_NOT_YOURS unless the user's own account sees the repository */
const requireUser = async (answering: Answering, asked: Asked<'repository'>): Promise<void> => {
  const { tokens, keys, apiUrl } = answering
  const githubUserId = githubUserIdOf(asked.userId ?? '')
  const stored = githubUserId === undefined ? undefined : await tokens.use(githubUserId)
  const token = stored ?? handedOver(keys, asked.accessTokenEncrypted)
  if (token === undefined) {
    throw fail('REPOSITORY_NOT_YOURS', {
      message: 'Sign in with GitHub: only who sees a repository there may open a session on it',
    })
  }
  const { owner, name: repo } = asked
  await withToken(openRequest(apiUrl), token)('GET /repos/{owner}/{repo}', { owner, repo }).catch(
    (error: unknown) => {
      throw isRefusal(error) ? fail('REPOSITORY_NOT_YOURS', { error }) : githubFailure(error)
    },
  )
}

const repository = async (answering: Answering, asked: Asked<'repository'>) => {
  const found = await answering.repositories.find(asked)
  if (answering.requireUserAccess) await requireUser(answering, asked)
  return { repository: found }
}

/** A token for one repository alone, whose only right is to read or write what is in it. */
const credentials = async (
  { app, repositories }: Answering,
  asked: Asked<'credentials'>,
): Promise<GithubAnswerOf<'credentials'>> => {
  const { name } = await repositories.find(asked).catch((error: Error) => {
    // A list that GitHub refuses is no outage: whoever asks would go on without a right to.
    const { error: why } = (error.cause ?? {}) as { readonly error?: unknown }
    throw isRefusal(why) ? githubFailure(why) : error
  })
  const { token, expiresAtMs } = await app
    .token({ repository: name, access: asked.access })
    .catch((error: unknown) => {
      throw githubFailure(error)
    })
  return { username: 'x-access-token', password: token, expiresAtMs }
}

export const answer = async (answering: Answering, asked: GithubQuestion): Promise<unknown> => {
  switch (asked.type) {
    case 'repos':
      return answering.repositories.list()
    case 'branches':
      return answering.repositories.branches(asked)
    case 'repository':
      return repository(answering, asked)
    case 'credentials':
      return credentials(answering, asked)
    case 'sign_in':
      return answering.signIn(asked)
  }
}
