/**
 * Encryption of people's tokens at rest (spec 6.1): AES-256-GCM, stored as standard base64 of
 * `IV (12) || ciphertext || tag (16)` behind the id of its key, so that keys can be rotated. Text
 * without a key id, as the seed wrote it, stays readable.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { fail } from '../../subjects/errors.ts'

const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

export type EncryptionKey = { readonly id: string; readonly bytes: Buffer }
/** The first one encrypts, all of them decrypt. */
export type EncryptionKeys = readonly [EncryptionKey, ...EncryptionKey[]]

const keyOf = (text: string): EncryptionKey => {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== text) {
    throw fail('CONFIG_INVALID', {
      message: `TOKEN_ENCRYPTION_KEY must be the base64 of exactly ${KEY_BYTES} bytes, for example from: openssl rand -base64 32`,
    })
  }
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 8), bytes }
}

/**
 * Reads `TOKEN_ENCRYPTION_KEY`: one key, or several with commas between, the newest first.
 *
 * @throws `CONFIG_INVALID` for a key of another length
 */
export const encryptionKeys = (text: string): EncryptionKeys => {
  const [first = '', ...others] = text.split(',').map(part => part.trim())
  return [keyOf(first), ...others.map(keyOf)]
}

/** Encrypts for storage: `<key id>:<base64>`. `iv` is an argument for test vectors only. */
export const encryptToken = (
  [key]: EncryptionKeys,
  plain: string,
  iv: Buffer = randomBytes(IV_BYTES),
): string => {
  const cipher = createCipheriv(CIPHER, key.bytes, iv)
  const sealed = Buffer.concat([iv, cipher.update(plain, 'utf8'), cipher.final()])
  return `${key.id}:${Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64')}`
}

const open = (key: EncryptionKey, sealed: Buffer): string => {
  const cipher = createDecipheriv(CIPHER, key.bytes, sealed.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  })
  cipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  const body = sealed.subarray(IV_BYTES, -TAG_BYTES)
  return Buffer.concat([cipher.update(body), cipher.final()]).toString('utf8')
}

/**
 * Decrypts what {@link encryptToken} or the seed stored.
 *
 * @throws `INTERNAL` when no key fits or a byte was changed; the message holds none of the text
 */
export const decryptToken = (keys: EncryptionKeys, stored: string): string => {
  const [id, text] = stored.includes(':')
    ? (stored.split(':', 2) as [string, string])
    : ['', stored]
  const sealed = Buffer.from(text, 'base64')
  const unreadable = sealed.length < IV_BYTES + TAG_BYTES || sealed.toString('base64') !== text
  for (const key of unreadable ? [] : keys.filter(key => !id || key.id === id)) {
    try {
      return open(key, sealed)
    } catch {
      // Text without a key id may belong to an older key: try the next.
    }
  }
  throw fail('INTERNAL', { message: 'A stored token cannot be decrypted with the present keys' })
}
