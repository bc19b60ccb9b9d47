import { Kvm } from '@nats-io/kv'
import t from 'tap'
import {
  findInvite,
  INVITE_TTL_MS,
  makeInvite,
  redeemInvite,
  redeemStartCode,
} from '../../lib/auth/signin-codes.ts'
import { AUTH_BUCKET } from '../../subjects/streams.ts'
import { openBus, startBus } from '../fixtures/bus.ts'

const { nats, bus } = await startBus(t)
const bucket = await new Kvm(bus.js).open(AUTH_BUCKET)
const elsewhere = await new Kvm((await openBus(t, nats.url)).js).open(AUTH_BUCKET)
const NOW = 1_760_000_000_000
const invitation = { name: 'Bob', invitedBy: 'Ada', sid: null, nowMs: NOW }

t.test('the code of a start signs in once, over all processes', async t => {
  t.notOk(await redeemStartCode(bucket, 'code', 'guess'))
  t.notOk(await redeemStartCode(bucket, undefined, 'code'), 'no code, no entrance')
  const all = [bucket, elsewhere, bucket, elsewhere].map(b => redeemStartCode(b, 'code', 'code'))
  const won = (await Promise.all(all)).filter(Boolean)
  t.equal(won.length, 1, 'of four at once, one wins')
  t.notOk(await redeemStartCode(elsewhere, 'code', 'code'))
  t.ok(await redeemStartCode(elsewhere, 'next', 'next'), 'the next start has another one')
})

t.test('an invitation signs in one other person', async t => {
  const { code, expiresAtMs } = await makeInvite(bucket, { ...invitation, sid: 'abc' })
  t.equal(expiresAtMs, NOW + INVITE_TTL_MS)
  const seen = await findInvite(elsewhere, code, NOW)
  t.match(seen, { who: { name: 'Bob', role: 'guest' }, invitedBy: 'Ada', sid: 'abc' })
  t.ok(await findInvite(elsewhere, code, NOW), 'looking does not use it up')
  const all = await Promise.all([bucket, elsewhere].map(b => redeemInvite(b, code, NOW)))
  t.strictSame(all.filter(Boolean), [seen], 'of two at once, one wins')
  t.equal(await findInvite(bucket, code, NOW), undefined)
  t.equal(await redeemInvite(bucket, code, NOW), undefined)
})

t.test('an invitation is good for ten minutes', async t => {
  const { code } = await makeInvite(bucket, invitation)
  t.equal(await redeemInvite(bucket, code, NOW + INVITE_TTL_MS), undefined)
  t.ok(await redeemInvite(bucket, code, NOW + INVITE_TTL_MS - 1))
})

t.test('two people of one name are two people', async t => {
  const codes = [await makeInvite(bucket, invitation), await makeInvite(bucket, invitation)]
  const [a, b] = await Promise.all(codes.map(({ code }) => redeemInvite(bucket, code, NOW)))
  t.not(a?.who.userId, b?.who.userId)
})

t.test('whatever is typed as a code is only looked up', async t => {
  for (const code of ['', '>', '*', 'a.b', ' ', '\n', 'x'.repeat(5000), '日本']) {
    t.equal(await redeemInvite(bucket, code, NOW), undefined, JSON.stringify(code.slice(0, 20)))
  }
})
