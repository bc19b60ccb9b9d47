import t from 'tap'
import { serviceToken, verifyServiceToken } from '../../lib/auth/service-token.ts'
import { codeOf } from '../../subjects/errors.ts'

const SECRET = 'test-secret'
const TS = 1_760_000_000_000
const VECTOR = `${TS}.0eab0d230049a8abf5caa478f29616ce7ad5a007b19b39bea3f8b9bbc1334493`

const answer = (header: string | undefined, nowMs = TS, secret: string | undefined = SECRET) => {
  try {
    verifyServiceToken(secret, header, { nowMs, windowMs: 300_000 })
    return 'ok'
  } catch (error) {
    return codeOf(error)
  }
}

t.equal(serviceToken(SECRET, TS), VECTOR, 'the vector of the specification')
t.equal(answer(`Bearer ${VECTOR}`), 'ok')

t.test('the window reaches in both directions, its edges included', async t => {
  t.equal(answer(`Bearer ${VECTOR}`, TS + 300_000), 'ok')
  t.equal(answer(`Bearer ${VECTOR}`, TS + 300_001), 'UNAUTHORIZED')
  t.equal(answer(`Bearer ${VECTOR}`, TS - 300_000), 'ok')
  t.equal(answer(`Bearer ${VECTOR}`, TS - 300_001), 'UNAUTHORIZED')
})

t.test('what does not have exactly the form is refused', async t => {
  for (const header of [
    undefined,
    '',
    VECTOR,
    `Basic ${VECTOR}`,
    `Bearer ${VECTOR}.more`,
    `Bearer ${VECTOR.toUpperCase()}`,
    `Bearer ${TS}.`,
    `Bearer ${TS}`,
    `Bearer .${VECTOR.split('.')[1]}`,
    `Bearer 0${VECTOR}`,
    `Bearer ${VECTOR.replace('0eab', '0eac')}`,
    `Bearer ${VECTOR}\n`,
    `Bearer ${serviceToken('other', TS)}`,
  ]) {
    t.equal(answer(header), 'UNAUTHORIZED', JSON.stringify(header))
  }
})

t.equal(answer(`Bearer ${VECTOR}`, TS, ''), 'NOT_CONFIGURED', 'without a secret all is closed')
