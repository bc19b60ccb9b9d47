/** The two calls of OAuth: a code for tokens, a refresh token for new ones. Each spends what it is given. */
import { z } from 'zod'
import type { GithubConfig } from '../../config/github.ts'
import { fail } from '../../subjects/errors.ts'
import { isPassing, isUnsent, openRequest, statusOf } from './request.ts'

/** Shorter than a claim on a refresh token lasts: see user-tokens.ts. */
const WITHIN_MS = 20_000

export type UserTokens = {
  readonly access: string
  /** Null: for ever, as tokens of a classic OAuth app are. */
  readonly expiresAtMs: number | null
  readonly refresh: string | null
  readonly refreshExpiresAtMs: number | null
}

/** What came of spending a refresh token; after `unknown` it must count as spent. */
export type Refreshed =
  | { readonly outcome: 'tokens'; readonly tokens: UserTokens }
  | { readonly outcome: 'refused' | 'unspent' | 'unknown'; readonly error: unknown }

export type OAuth = {
  /** @throws SIGN_IN_FAILED, GITHUB_UNAVAILABLE */
  exchange(spent: { code: string; codeVerifier: string; redirectUri: string }): Promise<UserTokens>
  refresh(refreshToken: string): Promise<Refreshed>
}

/** Errors come with the status 200 and a field `error` (spec 6.2). */
const answer = z.union([
  z.object({ error: z.string(), error_description: z.string().optional() }),
  z.object({
    access_token: z.string().min(1),
    expires_in: z.number().optional(),
    refresh_token: z.string().optional(),
    refresh_token_expires_in: z.number().optional(),
  }),
])

export const openOAuth = (
  github: Pick<GithubConfig, 'apiUrl' | 'url' | 'clientId' | 'clientSecret'>,
  nowMs: () => number = Date.now,
): OAuth => {
  const request = openRequest(github.apiUrl, WITHIN_MS)

  /** @throws SIGN_IN_FAILED when GitHub says so; else what the call threw */
  const call = async (fields: Readonly<Record<string, string>>): Promise<UserTokens> => {
    const { data } = await request(`POST ${github.url}/login/oauth/access_token`, {
      headers: { accept: 'application/json' },
      client_id: github.clientId,
      client_secret: github.clientSecret,
      ...fields,
    }).catch((error: unknown) => {
      // It holds what was sent, and errors end up in logs.
      if (error instanceof Error && 'request' in error) delete error.request
      throw error
    })
    const parsed = answer.safeParse(data)
    if (!parsed.success)
      throw fail('INTERNAL', { message: 'GitHub answered OAuth with something else' })
    if ('error' in parsed.data) {
      const { error, error_description } = parsed.data
      throw fail('SIGN_IN_FAILED', {
        message: `GitHub refused the sign-in: ${error_description ?? error}`,
        reason: error,
      })
    }
    const later = (seconds: number | undefined) =>
      seconds === undefined ? null : nowMs() + seconds * 1000
    return {
      access: parsed.data.access_token,
      expiresAtMs: later(parsed.data.expires_in),
      refresh: parsed.data.refresh_token ?? null,
      refreshExpiresAtMs: later(parsed.data.refresh_token_expires_in),
    }
  }

  return {
    exchange: async ({ code, codeVerifier, redirectUri }) => {
      try {
        return await call({ code, code_verifier: codeVerifier, redirect_uri: redirectUri })
      } catch (error) {
        throw isPassing(error) ? fail('GITHUB_UNAVAILABLE', { error }) : error
      }
    },
    refresh: async refreshToken => {
      try {
        const fields = { grant_type: 'refresh_token', refresh_token: refreshToken }
        return { outcome: 'tokens', tokens: await call(fields) }
      } catch (error) {
        const { code, reason } = ((error as Error).cause ?? {}) as {
          code?: string
          reason?: string
        }
        if (code === 'SIGN_IN_FAILED') {
          // Anything but a bad token is about our own settings, and does not spend it.
          return { outcome: reason === 'bad_refresh_token' ? 'refused' : 'unspent', error }
        }
        // An answer with an error status, or a connection that never was, has spent nothing.
        const unspent = statusOf(error) !== undefined || isUnsent(error)
        return { outcome: unspent ? 'unspent' : 'unknown', error }
      }
    },
  }
}
