/**
 * The GitHub App: its signature, and the tokens of its one installation. A token lives an hour; it is
 * used for 50 minutes, and never in its last five. Many who want the same one wait for one call.
 */
import { createSign } from 'node:crypto'
import { createAppAuth } from '@octokit/auth-app'
import { LRUCache } from 'lru-cache'
import type { GithubConfig } from '../../config/github.ts'
import { type GithubRequest, openRequest, statusOf, withToken } from './request.ts'

const USED_FOR_MS = 50 * 60_000
const LEFT_MS = 5 * 60_000
/** Clocks differ; GitHub refuses a signature from its future, and one good for more than 10 minutes. */
const BACK_DATED_SECONDS = 60
const SIGNATURE_SECONDS = 600
/** One for each repository and way of access that was lately asked for. */
const TOKENS_KEPT = 2_000

/** Nothing: whatever the App may do, in all repositories of the installation. */
export type Narrowing = {
  readonly repository?: string
  readonly access?: 'read' | 'write'
}
export type InstallationToken = { readonly token: string; readonly expiresAtMs: number }

export type App = {
  /** A request that is signed by the App itself. */
  asApp(): Promise<GithubRequest>
  /**
   * Calls with a token of the installation; when GitHub answers 401, once more with a fresh one.
   * @throws what `call` throws
   */
  asInstallation<T>(call: (request: GithubRequest) => Promise<T>): Promise<T>
  /** @throws 422 of GitHub's when the repository is not the installation's */
  token(narrowing?: Narrowing): Promise<InstallationToken>
}

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The JWT with which an App proves itself (RS256). */
export const appSignature = (appId: number, privateKey: string, nowMs: number) => {
  const iat = Math.floor(nowMs / 1000) - BACK_DATED_SECONDS
  const exp = iat + SIGNATURE_SECONDS
  const content = `${base64url({ alg: 'RS256', typ: 'JWT' })}.${base64url({ iat, exp, iss: appId })}`
  const signature = createSign('RSA-SHA256').update(content).sign(privateKey, 'base64url')
  return { jwt: `${content}.${signature}`, expiresAt: new Date(exp * 1000).toISOString() }
}

type Kept = InstallationToken & { readonly obtainedAtMs: number }

export const openApp = (
  github: Pick<GithubConfig, 'apiUrl' | 'appId' | 'installationId' | 'privateKey'>,
  nowMs: () => number = Date.now,
): App => {
  const request = openRequest(github.apiUrl)
  const auth = createAppAuth({
    appId: github.appId,
    installationId: github.installationId,
    createJwt: async (_id, skewSeconds = 0) =>
      appSignature(github.appId, github.privateKey, nowMs() + skewSeconds * 1000),
    request,
  })
  const kept = new LRUCache<string, Kept>({ max: TOKENS_KEPT })
  const underWay = new Map<string, Promise<Kept>>()

  const fetchToken = async ({ repository, access }: Narrowing): Promise<Kept> => {
    const { token, expiresAt } = await auth({
      type: 'installation',
      refresh: true,
      ...(repository === undefined ? {} : { repositoryNames: [repository] }),
      ...(access === undefined ? {} : { permissions: { contents: access } }),
    })
    return { token, expiresAtMs: Date.parse(expiresAt), obtainedAtMs: nowMs() }
  }
  const isGood = ({ obtainedAtMs, expiresAtMs }: Kept) =>
    nowMs() < obtainedAtMs + USED_FOR_MS && nowMs() < expiresAtMs - LEFT_MS

  /** The kept token, unless it is `stale`; else a fresh one, with one call for all who wait. */
  const tokenOf = (narrowing: Narrowing, stale?: string): Promise<Kept> => {
    const key = `${narrowing.repository ?? '*'} ${narrowing.access ?? '*'}`
    const known = kept.get(key)
    if (known && known.token !== stale && isGood(known)) return Promise.resolve(known)
    const pending = underWay.get(key)
    if (pending) return pending
    const fetching = fetchToken(narrowing)
      .then(token => {
        kept.set(key, token)
        return token
      })
      .finally(() => underWay.delete(key))
    underWay.set(key, fetching)
    return fetching
  }

  return {
    asApp: async () => {
      const { token } = await auth({ type: 'app' })
      return request.defaults({ headers: { authorization: `bearer ${token}` } })
    },
    asInstallation: async call => {
      const { token } = await tokenOf({})
      try {
        return await call(withToken(request, token))
      } catch (error) {
        if (statusOf(error) !== 401) throw error
        return call(withToken(request, (await tokenOf({}, token)).token))
      }
    },
    token: async (narrowing = {}) => tokenOf(narrowing),
  }
}
