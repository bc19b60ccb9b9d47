/**
 * The cookie of a person who signed in to the page. It carries who it is, signed; nothing is stored
 * on the server, so any api process can read it. It dies with its time or with the secret.
 */
import { z } from 'zod'
import { readSigned, signText } from './signed-text.ts'

export const SIGNIN_COOKIE = 'signin'
export const SIGNIN_TTL_SECONDS = 30 * 24 * 60 * 60

/** Who signed in. Only the developer, who started the system, may invite others. */
export const signedIn = z.object({
  userId: z.string().min(1).max(256),
  name: z.string().min(1).max(256),
  /** Under which a sandbox commits this person's work, when it is known. */
  email: z.string().max(320).nullish(),
  role: z.enum(['developer', 'guest']),
  /** Of those who signed in with GitHub. */
  login: z.string().max(256).nullish(),
  githubUserId: z.string().max(64).nullish(),
})
export type SignedIn = z.infer<typeof signedIn>

const content = signedIn.extend({ expiresAtMs: z.int() })

const PURPOSE = 'signin-cookie/1'

/** The cookie's value. */
export const signCookie = (secret: string, who: SignedIn, nowMs: number): string =>
  signText({ secret, purpose: PURPOSE }, { ...who, expiresAtMs: nowMs + SIGNIN_TTL_SECONDS * 1000 })

/** Who the cookie says it is; undefined for one that is forged, damaged or too old. */
export const readCookie = (
  secret: string,
  value: string | undefined,
  nowMs: number,
): SignedIn | undefined => {
  const read = readSigned({ secret, purpose: PURPOSE }, content, value)
  if (!read || read.expiresAtMs <= nowMs) return undefined
  const { expiresAtMs: _, ...who } = read
  return who
}
