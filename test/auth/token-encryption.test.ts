import { randomBytes } from 'node:crypto'
import t from 'tap'
import { decryptToken, encryptionKeys, encryptToken } from '../../lib/auth/token-encryption.ts'
import { codeOf } from '../../subjects/errors.ts'

const KEY = Buffer.alloc(32, 1).toString('base64')
const VECTOR = 'AgICAgICAgICAgICYL6mFj4ysomMuNOjOck89613AOj8VnFmAWo7dTQF'
const keys = encryptionKeys(KEY)

const codeFrom = (act: () => unknown) => {
  try {
    act()
    return 'no error'
  } catch (error) {
    return codeOf(error)
  }
}

t.equal(KEY, 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=')
const stored = encryptToken(keys, 'gho_test_token', Buffer.alloc(12, 2))
t.equal(stored, `${keys[0].id}:${VECTOR}`, 'the vector of the specification, behind its key id')
t.equal(decryptToken(keys, stored), 'gho_test_token')
t.equal(decryptToken(keys, VECTOR), 'gho_test_token', 'what the seed stored can be read')

for (const plain of ['', 'gho_test_token', 'naïve — 日本語 🎉', 'x'.repeat(10_000)]) {
  t.equal(decryptToken(keys, encryptToken(keys, plain)), plain, `${plain.length} characters`)
}
t.not(encryptToken(keys, 'same'), encryptToken(keys, 'same'), 'no two encryptions are alike')

t.test('whatever was changed is refused', async t => {
  const [id, body] = encryptToken(keys, 'secret').split(':') as [string, string]
  const bytes = Buffer.from(body, 'base64')
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes)
    changed[i] = (changed[i] ?? 0) ^ 1
    const text = `${id}:${changed.toString('base64')}`
    t.equal(
      codeFrom(() => decryptToken(keys, text)),
      'INTERNAL',
      `byte ${i}`,
    )
  }
  for (const text of ['', 'abc', `${id}:`, `${id}:!!!`, `ffffffff:${body}`, body.slice(0, 20)]) {
    t.equal(
      codeFrom(() => decryptToken(keys, text)),
      'INTERNAL',
      JSON.stringify(text),
    )
  }
})

t.test('keys are rotated by putting a new one in front', async t => {
  const newer = randomBytes(32).toString('base64')
  const rotated = encryptionKeys(`${newer}, ${KEY}`)
  t.equal(decryptToken(rotated, stored), 'gho_test_token', 'the old key still reads')
  t.equal(decryptToken(rotated, VECTOR), 'gho_test_token', 'also what has no key id')
  const fresh = encryptToken(rotated, 'new')
  t.equal(decryptToken(encryptionKeys(newer), fresh), 'new', 'the new key writes')
  t.equal(
    codeFrom(() => decryptToken(keys, fresh)),
    'INTERNAL',
    'the old one alone cannot read that',
  )
})

t.test('a key of another length is refused at once', async t => {
  for (const text of ['', 'short', randomBytes(31).toString('base64'), `${KEY},`, ` ${KEY}x`]) {
    t.equal(
      codeFrom(() => encryptionKeys(text)),
      'CONFIG_INVALID',
      JSON.stringify(text),
    )
  }
})
