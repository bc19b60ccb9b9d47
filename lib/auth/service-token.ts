/**
 * The service token of the seed (spec 3.2): `<ts>.<sig>`, bound to a time and nothing else. Whoever
 * holds the secret is trusted to say for whom it acts.
 */
import { createHmac } from 'node:crypto'
import { fail } from '../../subjects/errors.ts'
import { safeEqual } from './hash.ts'

/** Exactly two parts; a decimal time of at most 15 digits cannot lose precision as a number. */
const TOKEN = /^Bearer ([0-9]{1,15})\.([0-9a-f]{64})$/

/** Lower-case hex HMAC-SHA256 over the decimal `timestamp`, keyed with the UTF-8 secret. */
const signature = (secret: string, timestamp: string): string =>
  createHmac('sha256', Buffer.from(secret, 'utf8')).update(timestamp, 'utf8').digest('hex')

/** A fresh service token, without the word `Bearer`. */
export const serviceToken = (secret: string, nowMs: number): string =>
  `${nowMs}.${signature(secret, String(nowMs))}`

/**
 * Checks an `Authorization` header.
 *
 * @param windowMs how far the token's time may be from `nowMs`, in both directions, inclusive
 * @throws `NOT_CONFIGURED` without a secret, `UNAUTHORIZED` for everything that does not fit
 */
export const verifyServiceToken = (
  secret: string | undefined,
  header: string | undefined,
  { nowMs, windowMs }: { nowMs: number; windowMs: number },
): void => {
  if (!secret) throw fail('NOT_CONFIGURED')
  const [, timestamp, given] = TOKEN.exec(header ?? '') ?? []
  if (timestamp === undefined || given === undefined) throw fail('UNAUTHORIZED')
  // The signature first: who does not know the secret learns nothing about our clock.
  if (!safeEqual(given, signature(secret, timestamp))) throw fail('UNAUTHORIZED')
  if (Math.abs(nowMs - Number(timestamp)) > windowMs) throw fail('UNAUTHORIZED')
}
