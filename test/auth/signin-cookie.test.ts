import t from 'tap'
import { readCookie, SIGNIN_TTL_SECONDS, signCookie } from '../../lib/auth/signin-cookie.ts'

const who = { userId: 'developer', name: 'Ada', role: 'developer' } as const
const NOW = 1_760_000_000_000
const value = signCookie('secret', who, NOW)
const ttlMs = SIGNIN_TTL_SECONDS * 1000

t.strictSame(readCookie('secret', value, NOW), who)
t.strictSame(readCookie('secret', value, NOW + ttlMs - 1), who, 'good for 30 days')
t.equal(readCookie('secret', value, NOW + ttlMs), undefined, 'and no longer')
t.equal(readCookie('other', value, NOW), undefined, 'another secret')
t.match(value, /^[\w-]+\.[\w-]+$/, 'needs no quoting in a cookie')

const [body, signature] = value.split('.') as [string, string]
const forged = Buffer.from(JSON.stringify({ ...who, userId: 'eve', expiresAtMs: NOW + ttlMs }))
for (const text of [
  undefined,
  '',
  body,
  `${body}.`,
  `.${signature}`,
  `${value}.x`,
  `${forged.toString('base64url')}.${signature}`,
  `${body}.${signature.slice(0, -1)}`,
]) {
  t.equal(readCookie('secret', text, NOW), undefined, JSON.stringify(text))
}
