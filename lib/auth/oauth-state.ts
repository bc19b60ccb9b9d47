/**
 * What has to survive a visit to GitHub: the state that comes back in the address, the secret half of
 * PKCE, and where the person wanted to go. The browser keeps it in a short cookie, signed, so a state
 * that comes back in another browser is worth nothing; the bucket of codes sees to it that it is used
 * once, whichever api process is asked.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { KV } from '@nats-io/kv'
import { z } from 'zod'
import { safeEqual, sha256Hex } from './hash.ts'
import { readSigned, signText } from './signed-text.ts'
import { useOnce } from './signin-codes.ts'

export const OAUTH_TTL_SECONDS = 10 * 60

const PURPOSE = 'oauth-state/1'

const content = z.object({
  state: z.string(),
  codeVerifier: z.string(),
  next: z.string(),
  expiresAtMs: z.int(),
})
export type OAuthState = Pick<z.infer<typeof content>, 'codeVerifier' | 'next'>

/** Each visit has a cookie of its own, so that two tabs do not disturb each other. */
export const oauthCookie = (state: string): string => `oauth-${sha256Hex(state).slice(0, 12)}`

/** Begins a visit: what goes into the address, and what the cookie holds. */
export const beginOAuth = (secret: string, next: string, nowMs: number) => {
  const state = randomBytes(32).toString('base64url')
  const codeVerifier = randomBytes(32).toString('base64url')
  const expiresAtMs = nowMs + OAUTH_TTL_SECONDS * 1000
  const kept = { state, codeVerifier, next, expiresAtMs }
  return {
    state,
    /** PKCE, method S256. */
    codeChallenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    cookie: signText({ secret, purpose: PURPOSE }, kept),
  }
}

/** Ends it; undefined when the cookie is not this state's, too old, or was used before. */
export const endOAuth = async (
  { secret, bucket, nowMs }: { secret: string; bucket: KV; nowMs: number },
  state: string,
  cookie: string | undefined,
): Promise<OAuthState | undefined> => {
  const kept = readSigned({ secret, purpose: PURPOSE }, content, cookie)
  if (!kept || kept.expiresAtMs <= nowMs || !safeEqual(kept.state, state)) return undefined
  return (await useOnce(bucket, state, 2 * OAUTH_TTL_SECONDS)) ? kept : undefined
}
