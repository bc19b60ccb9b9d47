/**
 * The token by which a sandbox proves who it is. It is derived, never stored: the owner keeps only
 * its hash, and whoever starts the sandbox derives it again. So no stream ever holds it in plain,
 * and a sandbox of another generation holds another one.
 */
import { createHmac, hkdfSync } from 'node:crypto'

/** Apart from every other use of the same secret, so that no signature of one serves as the other. */
const PURPOSE = 'sandbox-token/1'

/**
 * The token of one sandbox, 64 lower-case hex digits.
 *
 * @param secret `INTERNAL_CALLBACK_SECRET`
 * @param generation counts the sandboxes of the session
 */
export const sandboxToken = (secret: string, sid: string, generation: number): string => {
  const key = Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, 32))
  return createHmac('sha256', key).update(`sandbox:${sid}:${generation}`, 'utf8').digest('hex')
}
