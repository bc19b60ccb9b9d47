/** Criterion 4, the library part: a token is encrypted at rest and read back. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { decryptToken, encryptionKeys, encryptToken } from '../../lib/auth/token-encryption.ts'
import { codeOf } from '../../subjects/errors.ts'

const key = () => randomBytes(32).toString('base64')
const refusal = (run: () => unknown) => {
  try {
    return run()
  } catch (error) {
    return codeOf(error)
  }
}

t.test('encrypt and decrypt a token', async t => {
  const keys = encryptionKeys(key())
  for (const plain of ['', 'gho_token', 'ünïcødé 🔑', 'x'.repeat(10_000)]) {
    const stored = encryptToken(keys, plain)
    t.equal(decryptToken(keys, stored), plain)
    if (plain) t.notMatch(stored, plain)
    t.not(encryptToken(keys, plain), stored, 'never the same twice')
  }
})

t.test('the format of the seed is readable: its vector', async t => {
  const keys = encryptionKeys('AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=')
  const sealed = 'AgICAgICAgICAgICYL6mFj4ysomMuNOjOck89613AOj8VnFmAWo7dTQF'
  t.equal(decryptToken(keys, sealed), 'gho_test_token')
  t.match(encryptToken(keys, 'gho_test_token', Buffer.alloc(12, 2)), sealed)
})

t.test('a wrong key, any flipped byte and any cut are noticed', async t => {
  const text = key()
  const keys = encryptionKeys(text)
  const [id = '', body = ''] = encryptToken(keys, 'gho_token').split(':')
  const bytes = Buffer.from(body, 'base64')
  for (let i = 0; i < bytes.length; i++) {
    const flipped = Buffer.from(bytes)
    flipped[i] = (flipped[i] ?? 0) ^ 1
    t.equal(
      refusal(() => decryptToken(keys, `${id}:${flipped.toString('base64')}`)),
      'INTERNAL',
    )
    const cut = bytes.subarray(0, i).toString('base64')
    t.equal(
      refusal(() => decryptToken(keys, `${id}:${cut}`)),
      'INTERNAL',
    )
  }
  t.equal(
    refusal(() => decryptToken(encryptionKeys(key()), `${id}:${body}`)),
    'INTERNAL',
  )
  const rotated = encryptionKeys(`${key()},${text}`)
  t.equal(decryptToken(rotated, `${id}:${body}`), 'gho_token', 'an older key still decrypts')
  t.equal(
    refusal(() => encryptionKeys('c2hvcnQ=')),
    'CONFIG_INVALID',
  )
})
