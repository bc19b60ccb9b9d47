/** Hashes and comparisons that leak nothing by their timing. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** SHA-256 of the UTF-8 bytes of `text`, as 64 lower-case hex digits. */
export const sha256Hex = (text: string): string =>
  createHash('sha256').update(text, 'utf8').digest('hex')

/**
 * Whether two secrets are equal, in a time that depends on neither. Both are hashed first, because
 * `timingSafeEqual` demands equal lengths and the length of a secret is one too.
 */
export const safeEqual = (a: string, b: string): boolean =>
  timingSafeEqual(
    createHash('sha256').update(a, 'utf8').digest(),
    createHash('sha256').update(b, 'utf8').digest(),
  )
