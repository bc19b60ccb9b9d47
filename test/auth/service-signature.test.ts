import { createHash, createHmac } from 'node:crypto'
import t from 'tap'
import {
  readServiceSignature,
  type SignedRequest,
  serviceSignature,
  verifyServiceSignature,
} from '../../lib/auth/service-signature.ts'
import { codeOf } from '../../subjects/errors.ts'

const SECRET = 'test-secret'
const TS = 1_760_000_000_000
const body = Buffer.from('{"content":"ü"}')
const request: SignedRequest = { method: 'POST', url: '/sessions/s/prompt?b=2&a=ü&b=1', body }
const claim = {
  service: 'slack-bot',
  timestamp: String(TS),
  nonce: '0123abcd',
  actor: 'slack:U1',
} as const
const signature = serviceSignature(SECRET, claim, request)
const headers = {
  'x-openinspect-service': 'slack-bot',
  'x-openinspect-service-signature': `sig1.${TS}.0123abcd.${signature}`,
  'x-openinspect-actor': 'slack:U1',
}

const answer = (
  more: Record<string, string | undefined> = {},
  changed: Partial<SignedRequest> = {},
  nowMs = TS,
) => {
  try {
    const read = readServiceSignature({ ...headers, ...more }, { nowMs, windowMs: 300_000 })
    verifyServiceSignature(SECRET, read, { ...request, ...changed })
    return 'ok'
  } catch (error) {
    return codeOf(error)
  }
}

t.test('what is signed, by hand', async t => {
  const text = [
    ...['sig1', 'slack-bot', String(TS), '0123abcd', 'POST', '/sessions/s/prompt'],
    'a=%C3%BC&b=1&b=2',
    createHash('sha256').update(body).digest('hex'),
    'slack:U1',
  ].join('\n')
  t.equal(signature, createHmac('sha256', SECRET).update(text).digest('hex'))
  t.equal(answer(), 'ok')
  t.equal(answer({}, { url: '/sessions/s/prompt?b=1&b=2&a=%C3%BC' }), 'ok', 'in any order')
})

t.test('nothing can be changed', async t => {
  const refused = 'UNAUTHORIZED'
  t.equal(answer({}, { body: Buffer.from('{}') }), refused, 'body')
  t.equal(answer({}, { body: Buffer.alloc(0) }), refused, 'no body')
  t.equal(answer({}, { url: '/sessions/t/prompt?b=2&a=ü&b=1' }), refused, 'path')
  t.equal(answer({}, { url: '/sessions/s/prompt?b=2&a=ü' }), refused, 'query')
  t.equal(answer({}, { method: 'PUT' }), refused, 'method')
  t.equal(answer({ 'x-openinspect-actor': 'slack:U2' }), refused, 'actor')
  t.equal(answer({ 'x-openinspect-actor': undefined }), refused, 'no actor')
  t.equal(answer({ 'x-openinspect-service': 'linear-bot' }), refused, 'service')
})

t.test('who may act for whom', async t => {
  const signed = (service: 'web' | 'github-bot' | 'slack-bot', actor: string | null) => {
    const made = { service, timestamp: String(TS), nonce: '1', actor }
    const sig = serviceSignature(SECRET, made, request)
    return answer({
      'x-openinspect-service': service,
      'x-openinspect-service-signature': `sig1.${TS}.1.${sig}`,
      'x-openinspect-actor': actor ?? undefined,
    })
  }
  t.equal(signed('github-bot', 'github:7'), 'ok')
  t.equal(signed('github-bot', null), 'ok')
  t.equal(signed('github-bot', 'slack:U1'), 'UNAUTHORIZED', 'another namespace')
  t.equal(signed('web', 'github:7'), 'UNAUTHORIZED', 'the page asserts nobody')
  t.equal(signed('slack-bot', 'slack:U1\nx'), 'UNAUTHORIZED')
})

t.test('time and grammar', async t => {
  t.equal(answer({}, {}, TS + 300_000), 'ok')
  t.equal(answer({}, {}, TS + 300_001), 'UNAUTHORIZED')
  t.equal(answer({}, {}, TS - 300_001), 'UNAUTHORIZED')
  for (const sig of [
    '',
    `sig2.${TS}.1.${signature}`,
    `sig1.${TS}.XYZ.${signature}`,
    `sig1.${TS}.1`,
  ]) {
    t.equal(answer({ 'x-openinspect-service-signature': sig }), 'UNAUTHORIZED', sig)
  }
  t.equal(answer({ 'x-openinspect-service': 'nobody' }), 'UNAUTHORIZED')
  t.equal(answer({ 'x-openinspect-service': undefined }), 'UNAUTHORIZED')
})
