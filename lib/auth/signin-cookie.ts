/**
 * The cookie of a person who signed in to the page. It carries who it is, signed; nothing is stored
 * on the server, so any api process can read it. It dies with its time or with the secret.
 */
import { createHmac, hkdfSync } from 'node:crypto'
import { z } from 'zod'
import { safeEqual } from './hash.ts'

export const SIGNIN_COOKIE = 'signin'
export const SIGNIN_TTL_SECONDS = 30 * 24 * 60 * 60

/** Who signed in. Only the developer, who started the system, may invite others. */
export const signedIn = z.object({
  userId: z.string().min(1).max(256),
  name: z.string().min(1).max(256),
  /** Under which a sandbox commits this person's work, when it is known. */
  email: z.string().max(320).nullish(),
  role: z.enum(['developer', 'guest']),
})
export type SignedIn = z.infer<typeof signedIn>

const content = signedIn.extend({ expiresAtMs: z.int() })

/** Apart from every other use of the same secret. */
const PURPOSE = 'signin-cookie/1'

const signature = (secret: string, body: string): string => {
  const key = Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, 32))
  return createHmac('sha256', key).update(body, 'utf8').digest('base64url')
}

/** The cookie's value: `<base64url JSON>.<base64url HMAC>`. */
export const signCookie = (secret: string, who: SignedIn, nowMs: number): string => {
  const expiresAtMs = nowMs + SIGNIN_TTL_SECONDS * 1000
  const body = Buffer.from(JSON.stringify({ ...who, expiresAtMs })).toString('base64url')
  return `${body}.${signature(secret, body)}`
}

/** Who the cookie says it is; undefined for one that is forged, damaged or too old. */
export const readCookie = (
  secret: string,
  value: string | undefined,
  nowMs: number,
): SignedIn | undefined => {
  const [body, given, more] = (value ?? '').split('.')
  if (!body || !given || more !== undefined) return undefined
  if (!safeEqual(given, signature(secret, body))) return undefined
  const parsed = content.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')))
  if (!parsed.success || parsed.data.expiresAtMs <= nowMs) return undefined
  const { expiresAtMs: _, ...who } = parsed.data
  return who
}
