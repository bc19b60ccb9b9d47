/**
 * One-time codes that sign a person in to the page. Every api process shares them through a bucket:
 * whoever creates the key "used" of a code first has redeemed it, and nobody else ever can, whichever
 * process they ask and whatever was restarted in between. Only hashes of codes are stored.
 */
import { randomBytes } from 'node:crypto'
import { JetStreamApiError } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import { z } from 'zod'
import { safeEqual, sha256Hex } from './hash.ts'
import { signedIn } from './signin-cookie.ts'

export const INVITE_TTL_MS = 10 * 60 * 1000
/** Some minutes longer than the code is good for, so that a late visitor is told the truth. */
const INVITE_KEPT_SECONDS = 60 * 60
const WRONG_LAST_SEQUENCE = 10071

const invite = z.object({
  who: signedIn,
  invitedBy: z.string(),
  /** The session that the invited person is to see first. */
  sid: z.string().nullable(),
  expiresAtMs: z.int(),
})
export type Invite = z.infer<typeof invite>

const usedKey = (code: string) => `used.${sha256Hex(code)}`
const inviteKey = (code: string) => `invite.${sha256Hex(code)}`

/** True for the first caller ever, or as long as `ttlSeconds` says. */
export const useOnce = async (bucket: KV, code: string, ttlSeconds?: number): Promise<boolean> => {
  try {
    await bucket.create(usedKey(code), '1', ttlSeconds === undefined ? undefined : `${ttlSeconds}s`)
    return true
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) return false
    throw error
  }
}

/** Redeems the code that this start of the system was given: works once, over all processes. */
export const redeemStartCode = async (
  bucket: KV,
  startCode: string | undefined,
  code: string,
): Promise<boolean> =>
  startCode !== undefined && safeEqual(startCode, code) && (await useOnce(bucket, code))

/** Makes a code for another person, good once and for {@link INVITE_TTL_MS}. */
export const makeInvite = async (
  bucket: KV,
  options: { name: string; invitedBy: string; sid: string | null; nowMs: number },
): Promise<{ code: string; expiresAtMs: number }> => {
  const code = randomBytes(16).toString('base64url')
  const expiresAtMs = options.nowMs + INVITE_TTL_MS
  const made: Invite = {
    // A user id of its own: a name that somebody typed must never be enough to act as somebody.
    who: { userId: `guest-${randomBytes(6).toString('hex')}`, name: options.name, role: 'guest' },
    invitedBy: options.invitedBy,
    sid: options.sid,
    expiresAtMs,
  }
  await bucket.create(inviteKey(code), JSON.stringify(made), `${INVITE_KEPT_SECONDS}s`)
  return { code, expiresAtMs }
}

/** Looks at an invitation without using it up; undefined when there is none that is still good. */
export const findInvite = async (
  bucket: KV,
  code: string,
  nowMs: number,
): Promise<Invite | undefined> => {
  const entry = await bucket.get(inviteKey(code))
  if (entry?.operation !== 'PUT') return undefined
  const found = invite.safeParse(entry.json())
  if (!found.success || found.data.expiresAtMs <= nowMs) return undefined
  return (await bucket.get(usedKey(code))) ? undefined : found.data
}

/** Redeems an invitation; undefined when it was used, is too old or never was. */
export const redeemInvite = async (
  bucket: KV,
  code: string,
  nowMs: number,
): Promise<Invite | undefined> => {
  const found = await findInvite(bucket, code, nowMs)
  return found && (await useOnce(bucket, code)) ? found : undefined
}
