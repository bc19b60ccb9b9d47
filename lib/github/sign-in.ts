/** Ends a sign-in: who is it, may they, and their tokens kept. */
import type { GithubConfig } from '../../config/github.ts'
import { fail } from '../../subjects/errors.ts'
import type { GithubQuestionOf, GithubUser } from '../../subjects/github.ts'
import type { App } from './app.ts'
import type { OAuth } from './oauth.ts'
import { type GithubRequest, githubFailure, isRefusal, openRequest, withToken } from './request.ts'
import type { UserTokenStore } from './user-tokens.ts'

/** Logins and organisations in lower case. */
export type Allowed = {
  readonly users: readonly string[]
  readonly organisations: readonly string[]
  /** At the forge of a development machine, with no list. */
  readonly everybody: boolean
}

type SigningIn = {
  readonly github: GithubConfig
  readonly allowed: Allowed
  readonly app: App
  readonly oauth: OAuth
  readonly tokens: UserTokenStore
}

/** The call's value, or undefined where GitHub says "not you". */
const unlessRefused = async <T>(call: Promise<T>): Promise<T | undefined> => {
  try {
    return await call
  } catch (error) {
    if (isRefusal(error)) return undefined
    throw githubFailure(error)
  }
}

/** Public address, else the primary verified one, else GitHub's own for commits (spec 6.2). */
const emailOf = async (
  request: GithubRequest,
  user: { readonly id: number | bigint; readonly login: string; readonly email: string | null },
  webUrl: string,
): Promise<string> => {
  if (user.email) return user.email
  const emails = await unlessRefused(request('GET /user/emails', { per_page: 100 }))
  const primary = emails?.data.find(one => one.primary && one.verified)
  if (primary) return primary.email
  return `${user.id}+${user.login}@users.noreply.${new URL(webUrl).hostname}`
}

/** Asked as the person, then as the App: either may lack the right to know. */
const isMember = async (request: GithubRequest, app: App, org: string, username: string) => {
  const own = await unlessRefused(request('GET /user/memberships/orgs/{org}', { org }))
  if (own) return own.data.state === 'active'
  const asApp = app.asInstallation(asked =>
    asked('GET /orgs/{org}/members/{username}', { org, username }),
  )
  // No body, only a yes. An App that may not know is led on to the public members.
  return (await unlessRefused(asApp)) !== undefined
}

const isAllowed = async (
  { allowed, app }: SigningIn,
  request: GithubRequest,
  login: string,
): Promise<boolean> => {
  if (allowed.everybody || allowed.users.includes(login.toLowerCase())) return true
  for (const org of allowed.organisations) {
    if (await isMember(request, app, org, login)) return true
  }
  return false
}

/**
 * Spends the code and says who it is.
 *
 * @throws SIGN_IN_FAILED, SIGN_IN_NOT_ALLOWED, GITHUB_UNAVAILABLE
 */
export const signIn = async (
  signing: SigningIn,
  { code, codeVerifier, redirectUri }: GithubQuestionOf<'sign_in'>,
): Promise<{ user: GithubUser }> => {
  const { github, allowed, oauth, tokens } = signing
  if (!allowed.everybody && allowed.users.length + allowed.organisations.length === 0) {
    throw fail('SIGN_IN_NOT_ALLOWED', {
      message:
        'Nobody may sign in with GitHub here: ALLOWED_GITHUB_USERS and ALLOWED_GITHUB_ORGS are not set',
    })
  }
  const given = await oauth.exchange({ code, codeVerifier, redirectUri })
  const request = withToken(openRequest(github.apiUrl), given.access)
  const { data } = await request('GET /user').catch((error: unknown) => {
    throw githubFailure(error)
  })
  if (!(await isAllowed(signing, request, data.login))) throw fail('SIGN_IN_NOT_ALLOWED')
  const githubUserId = String(data.id)
  const email = await emailOf(request, data, github.url)
  await tokens.keep(githubUserId, given)
  return {
    user: {
      githubUserId,
      login: data.login,
      name: data.name,
      email,
      avatarUrl: data.avatar_url || null,
    },
  }
}
