/** Facts that a browser keeps for us and cannot change: `<base64url JSON>.<base64url HMAC>`. */
import { createHmac, hkdfSync } from 'node:crypto'
import type { z } from 'zod'
import { safeEqual } from './hash.ts'

/** `purpose` keeps this use of the secret apart from every other one. */
export type Signing = { readonly secret: string; readonly purpose: string }

const signature = ({ secret, purpose }: Signing, body: string): string => {
  const key = Buffer.from(hkdfSync('sha256', secret, '', purpose, 32))
  return createHmac('sha256', key).update(body, 'utf8').digest('base64url')
}

export const signText = (signing: Signing, facts: object): string => {
  const body = Buffer.from(JSON.stringify(facts)).toString('base64url')
  return `${body}.${signature(signing, body)}`
}

/** The facts; undefined for text that is forged, damaged or of another shape. */
export const readSigned = <T>(
  signing: Signing,
  schema: z.ZodType<T>,
  text: string | undefined,
): T | undefined => {
  const [body, given, more] = (text ?? '').split('.')
  if (!body || !given || more !== undefined) return undefined
  if (!safeEqual(given, signature(signing, body))) return undefined
  const parsed = schema.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')))
  return parsed.success ? parsed.data : undefined
}
