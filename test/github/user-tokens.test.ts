/** People's tokens on a real bus: a refresh token is spent once, whoever asks and whoever dies. */
import { randomBytes } from 'node:crypto'
import { Kvm } from '@nats-io/kv'
import t from 'tap'
import { encryptionKeys } from '../../lib/auth/token-encryption.ts'
import type { Refreshed, UserTokens } from '../../lib/github/oauth.ts'
import { openUserTokens } from '../../lib/github/user-tokens.ts'
import { codeOf } from '../../subjects/errors.ts'
import { SCM_BUCKET } from '../../subjects/streams.ts'
import { openBus, startBus } from '../fixtures/bus.ts'
import { testLog } from '../owner/owners.ts'

const { nats, bus } = await startBus(t)
const other = await openBus(t, nats.url, 'other')
const { log } = testLog(t, 'tokens')
const bucket = await new Kvm(bus.js).open(SCM_BUCKET)

const key = () => randomBytes(32).toString('base64')
const KEY = key()
const NOW = 1_800_000_000_000
let persons = 0
const person = () => String(++persons)

const tokens = (n: number, expiresAtMs: number | null = NOW + 8 * 3_600_000): UserTokens => ({
  access: `ghu_${n}`,
  expiresAtMs,
  refresh: `ghr_${n}`,
  refreshExpiresAtMs: null,
})
const EXPIRED = tokens(0, NOW + 60_000)

type Spend = (refreshToken: string) => Promise<Refreshed>
const open = async (
  refresh: Spend,
  {
    on = bus,
    keys = KEY,
    nowMs = () => NOW,
  }: { on?: typeof bus; keys?: string; nowMs?: () => number } = {},
) =>
  openUserTokens({
    bucket: await new Kvm(on.js).open(SCM_BUCKET),
    keys: encryptionKeys(keys),
    oauth: { refresh },
    log,
    nowMs,
  })
const never: Spend = async () => {
  throw new Error('nothing is to be spent')
}
/** Gives these answers one after the other, and keeps what was spent. */
const spending = (...answers: Refreshed[]) => {
  const spent: string[] = []
  const spend: Spend = async refreshToken => {
    spent.push(refreshToken)
    return answers.shift() ?? refusal(new Error('spent before'))
  }
  return Object.assign(spend, { spent })
}
const refusal = (error: unknown) => ({ outcome: 'refused' as const, error })

const codeFrom = (promise: Promise<unknown>) => promise.then(() => 'none', codeOf)

t.test('a good token is used as it is; who never signed in has none', async t => {
  const store = await open(never)
  const who = person()
  t.equal(await store.use(who), undefined)
  await store.keep(who, tokens(1))
  t.equal(await store.use(who), 'ghu_1')
  await store.keep(who, tokens(2, null))
  t.equal(await store.use(who), 'ghu_2', 'without an end it is good for ever')
  await t.rejects(store.use('../x'))
  const stored = (await bucket.get(`user.${who}`))?.string() ?? ''
  t.notMatch(stored, /gh[ur]_/, 'nothing is stored in plain')
})

t.test('twenty at once over two processes spend it once', async t => {
  const spend = spending({ outcome: 'tokens', tokens: tokens(5) })
  const stores = [await open(spend), await open(spend, { on: other })]
  const who = person()
  await stores[0]?.keep(who, EXPIRED)
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, i) => stores[i % stores.length]?.use(who)),
  )
  t.same(new Set(all), new Set(['ghu_5']))
  t.same(spend.spent, ['ghr_0'])
  t.equal(await (await open(never)).use(who), 'ghu_5', 'and it is stored')
})

t.test('a token that GitHub refuses is not offered again', async t => {
  const spend = spending(refusal('bad'))
  const store = await open(spend)
  const who = person()
  await store.keep(who, EXPIRED)
  t.equal(await codeFrom(store.use(who)), 'SIGN_IN_AGAIN')
  t.equal(await codeFrom(store.use(who)), 'SIGN_IN_AGAIN')
  t.equal(spend.spent.length, 1)
})

t.test('what surely was not spent is tried again', async t => {
  const spend = spending(
    { outcome: 'unspent', error: new Error('503') },
    { outcome: 'tokens', tokens: tokens(6) },
  )
  const store = await open(spend)
  const who = person()
  await store.keep(who, EXPIRED)
  t.equal(await codeFrom(store.use(who)), 'GITHUB_UNAVAILABLE')
  t.equal(await store.use(who), 'ghu_6')
})

t.test('what may have been spent is never spent again: sign in', async t => {
  const spend = spending({ outcome: 'unknown', error: new Error('the connection broke') })
  let now = NOW
  const store = await open(spend, { nowMs: () => now })
  const who = person()
  await store.keep(who, EXPIRED)
  t.equal(await codeFrom(store.use(who)), 'SIGN_IN_AGAIN')
  now += 3_600_000
  t.equal(await codeFrom(store.use(who)), 'SIGN_IN_AGAIN', 'nor an hour later')
  t.equal(
    await codeFrom((await open(never, { on: other, nowMs: () => now })).use(who)),
    'SIGN_IN_AGAIN',
  )
  t.equal(spend.spent.length, 1)
  await store.keep(who, tokens(7, now + 3_600_000))
  t.equal(await store.use(who), 'ghu_7', 'a new sign-in mends it')
})

t.test('a process that dies between spending and writing', async t => {
  const reached = Promise.withResolvers<void>()
  const result = Promise.withResolvers<Refreshed>()
  const slow = await open(async () => {
    reached.resolve()
    return result.promise
  })
  const who = person()
  await slow.keep(who, EXPIRED)
  const lost = slow.use(who)
  await reached.promise
  let now = NOW
  const waiting = (await open(never, { on: other, nowMs: () => now })).use(who)
  now += 61_000
  t.equal(await codeFrom(waiting), 'SIGN_IN_AGAIN', 'its claim runs out, and nobody spends')

  const newer = tokens(9)
  await (await open(never)).keep(who, newer)
  result.resolve({ outcome: 'tokens', tokens: tokens(8) })
  t.equal(await lost, 'ghu_8', 'it was only slow: what it got is good for this once')
  t.equal(await (await open(never)).use(who), 'ghu_9', 'but does not replace the new sign-in')
})

t.test('keys change', async t => {
  const [former, present] = [key(), key()]
  const who = person()
  await (await open(never, { keys: former })).keep(who, EXPIRED)
  const spend = spending({ outcome: 'tokens', tokens: tokens(10) })
  const both = await open(spend, { keys: `${present},${former}` })
  t.equal(await both.use(who), 'ghu_10', 'the former one still opens')
  t.equal(await (await open(never, { keys: present })).use(who), 'ghu_10', 'the new one closes')
})

t.test('what cannot be opened is a clear answer, and nothing is spent', async t => {
  const who = person()
  const store = await open(never)
  await store.keep(who, tokens(11))
  t.equal(
    await codeFrom((await open(never, { keys: key() })).use(who)),
    'SIGN_IN_AGAIN',
    'wrong key',
  )
  const row = JSON.parse((await bucket.get(`user.${who}`))?.string() ?? '{}')
  const [id, text = ''] = row.accessEncrypted.split(':')
  const bytes = Buffer.from(text, 'base64')
  for (const at of [0, 12, bytes.length - 1]) {
    const flipped = Buffer.from(bytes)
    flipped[at] = (flipped[at] ?? 0) ^ 1
    const accessEncrypted = `${id}:${flipped.toString('base64')}`
    await bucket.put(`user.${who}`, JSON.stringify({ ...row, accessEncrypted }))
    t.equal(await codeFrom(store.use(who)), 'SIGN_IN_AGAIN', `byte ${at} flipped`)
  }
  const cut = `${id}:${bytes.subarray(0, 20).toString('base64')}`
  await bucket.put(`user.${who}`, JSON.stringify({ ...row, accessEncrypted: cut }))
  t.equal(await codeFrom(store.use(who)), 'SIGN_IN_AGAIN', 'truncated')
})
