/**
 * People's OAuth tokens: one key for each person in the bucket `scm`, encrypted, shared by every github
 * process. A refresh token is good once, so it is spent in three steps, each by compare-and-swap on the
 * key's revision: claim it, spend it at GitHub, write what came of it. Who loses the claim waits for the
 * winner's tokens. A claim that ran out without a result may have spent the token: nobody spends it
 * again, the person has to sign in anew. A new sign-in replaces whatever there is.
 */
import type { KV, KvEntry } from '@nats-io/kv'
import { nuid } from '@nats-io/nats-core'
import { z } from 'zod'
import { fail } from '../../subjects/errors.ts'
import { decryptToken, type EncryptionKeys, encryptToken } from '../auth/token-encryption.ts'
import { isWorthRetrying, isWrongSequence } from '../bus/failure.ts'
import { retrying } from '../bus/retry.ts'
import type { Log } from '../telemetry/log.ts'
import type { OAuth, UserTokens } from './oauth.ts'

/** A token that ends sooner is not used any more (spec 6.2). */
export const TOKEN_BUFFER_MS = 60_000
/** Longer than a call to GitHub may take, and the writing after it. */
const CLAIM_MS = 60_000
const LOOK_AGAIN_MS = 50

const row = z.object({
  v: z.literal(1),
  accessEncrypted: z.string(),
  expiresAtMs: z.number().nullable(),
  refreshEncrypted: z.string().nullable(),
  refreshExpiresAtMs: z.number().nullable(),
  /** Somebody spends the refresh token. */
  claim: z.object({ by: z.string(), untilMs: z.number() }).nullable(),
})
type Row = z.infer<typeof row>

export type UserTokenStore = {
  /** Keeps the tokens of a sign-in. */
  keep(githubUserId: string, tokens: UserTokens): Promise<void>
  /**
   * A token that is good for a minute at least; undefined for somebody who never signed in.
   * @throws SIGN_IN_AGAIN when there is none to be had, GITHUB_UNAVAILABLE when just now
   */
  use(githubUserId: string): Promise<string | undefined>
}

const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

export const openUserTokens = (options: {
  readonly bucket: KV
  readonly keys: EncryptionKeys
  readonly oauth: Pick<OAuth, 'refresh'>
  readonly log: Log
  readonly nowMs?: () => number
}): UserTokenStore => {
  const { bucket, keys, oauth, log, nowMs = Date.now } = options
  const keyOf = (githubUserId: string) => {
    if (!/^[0-9]{1,20}$/.test(githubUserId)) throw fail('INVALID_REQUEST')
    return `user.${githubUserId}`
  }
  const rowOf = (tokens: UserTokens): Row => ({
    v: 1,
    accessEncrypted: encryptToken(keys, tokens.access),
    expiresAtMs: tokens.expiresAtMs,
    refreshEncrypted: tokens.refresh === null ? null : encryptToken(keys, tokens.refresh),
    refreshExpiresAtMs: tokens.refreshExpiresAtMs,
    claim: null,
  })

  /** The new revision, or undefined when somebody else has written the key since `revision`. */
  const swap = async (key: string, value: Row, revision: number): Promise<number | undefined> => {
    try {
      return await retrying(() => bucket.update(key, JSON.stringify(value), revision), {
        deadlineMs: CLAIM_MS / 4,
        retryable: isWorthRetrying,
      })
    } catch (error) {
      if (isWrongSequence(error)) return undefined
      throw fail('BUS_UNAVAILABLE', { error })
    }
  }

  const read = async (key: string): Promise<{ entry: KvEntry; found: Row } | undefined> => {
    const entry = await bucket.get(key)
    if (entry?.operation !== 'PUT') return undefined
    const parsed = row.safeParse(JSON.parse(entry.string()))
    return parsed.success ? { entry, found: parsed.data } : undefined
  }

  /** @throws SIGN_IN_AGAIN for text that no key of ours opens: the person can mend it */
  const decrypted = (githubUserId: string, stored: string): string => {
    try {
      return decryptToken(keys, stored)
    } catch (error) {
      log.warn({ githubUserId, error }, 'a stored GitHub token cannot be decrypted')
      throw fail('SIGN_IN_AGAIN', { error })
    }
  }

  /** Spends a refresh token that is claimed at `revision`, and writes what came of it. */
  const spend = async (githubUserId: string, claimed: Row, revision: number) => {
    const key = keyOf(githubUserId)
    const refreshed = await oauth.refresh(decrypted(githubUserId, claimed.refreshEncrypted ?? ''))
    if (refreshed.outcome === 'tokens') {
      const { tokens } = refreshed
      try {
        // Somebody who has signed in anew meanwhile holds newer ones: those stay.
        await swap(key, rowOf(tokens), revision)
      } catch (error) {
        log.error({ githubUserId, error }, 'a refreshed GitHub token was not stored')
      }
      return tokens.access
    }
    const { outcome, error } = refreshed
    log.warn({ githubUserId, outcome, error }, 'a GitHub token was not refreshed')
    if (outcome === 'unspent') {
      await swap(key, { ...claimed, claim: null }, revision)
      throw fail('GITHUB_UNAVAILABLE', { error })
    }
    if (outcome === 'refused') {
      await swap(key, { ...claimed, refreshEncrypted: null, claim: null }, revision)
    }
    throw fail('SIGN_IN_AGAIN', { error })
  }

  const find = async (githubUserId: string): Promise<string | undefined> => {
    const key = keyOf(githubUserId)
    const by = nuid.next()
    for (;;) {
      const present = await read(key)
      if (!present) return undefined
      const { entry, found } = present
      const { expiresAtMs, refreshEncrypted, refreshExpiresAtMs, claim } = found
      if (expiresAtMs === null || expiresAtMs - TOKEN_BUFFER_MS > nowMs()) {
        return decrypted(githubUserId, found.accessEncrypted)
      }
      if (refreshEncrypted === null) throw fail('SIGN_IN_AGAIN')
      if (refreshExpiresAtMs !== null && refreshExpiresAtMs <= nowMs()) throw fail('SIGN_IN_AGAIN')
      // The claim may be ours, stored although nobody told us so.
      if (claim?.by === by) return spend(githubUserId, found, entry.revision)
      if (claim) {
        if (claim.untilMs <= nowMs()) throw fail('SIGN_IN_AGAIN')
        await pause(LOOK_AGAIN_MS)
        continue
      }
      const claimed = { ...found, claim: { by, untilMs: nowMs() + CLAIM_MS } }
      const revision = await swap(key, claimed, entry.revision)
      if (revision !== undefined) return spend(githubUserId, claimed, revision)
      await pause(LOOK_AGAIN_MS)
    }
  }

  const underWay = new Map<string, Promise<string | undefined>>()
  return {
    keep: async (githubUserId, tokens) => {
      await bucket.put(keyOf(githubUserId), JSON.stringify(rowOf(tokens)))
    },
    use: githubUserId => {
      const pending = underWay.get(githubUserId)
      if (pending) return pending
      const finding = find(githubUserId).finally(() => underWay.delete(githubUserId))
      underWay.set(githubUserId, finding)
      return finding
    },
  }
}
