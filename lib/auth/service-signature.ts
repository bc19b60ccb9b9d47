/**
 * The signature `sig1` of a service (spec 3.2): bound to the service, the time, the request and whom it
 * acts for. Nothing of a request can be changed on its way, and the caller's word is not in its body.
 */
import { createHash, createHmac } from 'node:crypto'
import { fail } from '../../subjects/errors.ts'
import { safeEqual } from './hash.ts'

/** Each service, and the namespace of the users for whom it may act; null: for nobody. */
const SERVICES = {
  web: null,
  'slack-bot': 'slack',
  'github-bot': 'github',
  'linear-bot': 'linear',
} as const
export type Service = keyof typeof SERVICES

export const SERVICE_HEADER = 'x-openinspect-service'
export const SIGNATURE_HEADER = 'x-openinspect-service-signature'
export const ACTOR_HEADER = 'x-openinspect-actor'

const SIGNATURE = /^sig1\.([0-9]{1,15})\.([0-9a-f]{1,64})\.([0-9a-f]{64})$/
const ACTOR = /^([a-z]{1,32}):([\w.@-]{1,200})$/

/** What the headers claim; worth nothing before {@link verifyServiceSignature}. */
export type SignedClaim = Readonly<{
  service: Service
  /** `<namespace>:<the user's id there>`, or null when the service acts for itself. */
  actor: string | null
  timestamp: string
  nonce: string
  signature: string
}>

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** True when the request wants to be judged by a signature, and by nothing else then. */
export const isSigned = (headers: Headers): boolean =>
  headers[SERVICE_HEADER] !== undefined || headers[SIGNATURE_HEADER] !== undefined

/**
 * Reads the headers: grammar, freshness, and whether this service may act for this user.
 * @throws `UNAUTHORIZED`
 */
export const readServiceSignature = (
  headers: Headers,
  { nowMs, windowMs }: { readonly nowMs: number; readonly windowMs: number },
): SignedClaim => {
  const service = headers[SERVICE_HEADER]
  const actor = headers[ACTOR_HEADER] ?? null
  const [, timestamp, nonce, signature] = SIGNATURE.exec(String(headers[SIGNATURE_HEADER])) ?? []
  if (typeof service !== 'string' || !Object.hasOwn(SERVICES, service)) throw fail('UNAUTHORIZED')
  if (timestamp === undefined || nonce === undefined || signature === undefined) {
    throw fail('UNAUTHORIZED')
  }
  if (Math.abs(nowMs - Number(timestamp)) > windowMs) throw fail('UNAUTHORIZED')
  const claim = { service: service as Service, timestamp, nonce, signature }
  if (actor === null) return { ...claim, actor }
  const namespace = ACTOR.exec(String(actor))?.[1]
  if (namespace === undefined || namespace !== SERVICES[claim.service]) throw fail('UNAUTHORIZED')
  return { ...claim, actor: String(actor) }
}

export type SignedRequest = Readonly<{
  method: string
  /** Path and query, as they stand in the request line. */
  url: string
  body: Uint8Array
}>

/** Decoded pairs in the order of their bytes, encoded again. */
const canonicalQuery = (query: URLSearchParams): string =>
  [...query]
    .map(([key, value]) => ({ key, value, bytes: Buffer.from(`${key}\0${value}`) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ key, value }) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
    .join('&')

/** The hex HMAC-SHA256 of a claim on a request. */
export const serviceSignature = (
  secret: string,
  { service, timestamp, nonce, actor }: Omit<SignedClaim, 'signature'>,
  { method, url, body }: SignedRequest,
): string => {
  const { pathname, searchParams } = new URL(url, 'http://host')
  const text = [
    ...['sig1', service, timestamp, nonce, method.toUpperCase(), pathname],
    canonicalQuery(searchParams),
    createHash('sha256').update(body).digest('hex'),
    actor ?? '',
  ].join('\n')
  return createHmac('sha256', Buffer.from(secret, 'utf8')).update(text, 'utf8').digest('hex')
}

/** @throws `NOT_CONFIGURED` without a secret, `UNAUTHORIZED` when anything was changed */
export const verifyServiceSignature = (
  secret: string | undefined,
  claim: SignedClaim,
  request: SignedRequest,
): void => {
  if (!secret) throw fail('NOT_CONFIGURED')
  const expected = serviceSignature(secret, claim, request)
  if (!safeEqual(expected, claim.signature)) throw fail('UNAUTHORIZED')
}
