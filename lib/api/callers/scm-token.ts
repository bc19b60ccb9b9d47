/**
 * A GitHub token that a web app hands over for its user (spec 6.2). It is encrypted here, before
 * anything of it goes anywhere.
 */
import { z } from 'zod'
import { fail } from '../../../subjects/errors.ts'
import { encryptionKeys, encryptToken } from '../../auth/token-encryption.ts'
import type { Room } from '../room.ts'

/** When nobody says how long a token is good. */
const LIFETIME_MS = 8 * 60 * 60_000

/** Part of a body: the token in plain, and when it ends (milliseconds since the epoch). */
export const handedToken = {
  githubToken: z.string().max(4_096).nullish(),
  githubTokenExpiresAt: z.int().positive().nullish(),
}
export type HandedToken = {
  readonly githubToken?: string | null | undefined
  readonly githubTokenExpiresAt?: number | null | undefined
}

export type ScmToken = { readonly encrypted: string; readonly expiresAtMs: number }

/** @throws INTERNAL with a sentence of its own when it cannot be encrypted */
export const scmTokenOf = (
  { config, nowMs }: Pick<Room, 'config' | 'nowMs'>,
  { githubToken, githubTokenExpiresAt }: HandedToken,
): ScmToken | undefined => {
  if (!githubToken) return undefined
  try {
    const encrypted = encryptToken(encryptionKeys(config.tokenEncryptionKey), githubToken)
    return { encrypted, expiresAtMs: githubTokenExpiresAt ?? nowMs() + LIFETIME_MS }
  } catch (error) {
    throw fail('INTERNAL', { message: 'Failed to process GitHub token', error })
  }
}
