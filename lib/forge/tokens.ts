/**
 * Tokens: made, found by their hash, and spent. The text itself is nowhere kept.
 */
import { randomBytes } from 'node:crypto'
import { sha256Hex } from '../auth/hash.ts'
import type { Db, TokenRow } from './tables.ts'

export type TokenKind = 'installation' | 'user' | 'refresh' | 'code' | 'browser'

/** How each begins: as GitHub's do. */
const PREFIX: Readonly<Record<TokenKind, string>> = {
  installation: 'ghs_',
  user: 'ghu_',
  refresh: 'ghr_',
  code: '',
  browser: '',
}

type NewToken = {
  readonly kind: TokenKind
  readonly accountId: number
  readonly expiresAtMs: number
  readonly grantId?: string
  readonly facts?: object
}

/** Keeps a new token's hash and gives its text. */
export const makeToken = async (db: Db, token: NewToken): Promise<string> => {
  const text = `${PREFIX[token.kind]}${randomBytes(27).toString('base64url').replace(/[-_]/g, 'x')}`
  await db
    .insertInto('tokens')
    .values({
      hash: sha256Hex(text),
      kind: token.kind,
      account_id: token.accountId,
      grant_id: token.grantId ?? null,
      facts: JSON.stringify(token.facts ?? {}),
      expires_at: token.expiresAtMs,
      spent_at: null,
    })
    .execute()
  return text
}

/** The token of that text which is good at `nowMs`; undefined for a spent or expired one too. */
export const findToken = async (
  db: Db,
  text: string,
  kinds: readonly TokenKind[],
  nowMs: number,
): Promise<TokenRow | undefined> =>
  db
    .selectFrom('tokens')
    .selectAll()
    .where('hash', '=', sha256Hex(text))
    .where('kind', 'in', [...kinds])
    .where('expires_at', '>', nowMs)
    .where('spent_at', 'is', null)
    .executeTakeFirst()

export const spend = (db: Db, hash: string, nowMs: number) =>
  db.updateTable('tokens').set({ spent_at: nowMs }).where('hash', '=', hash).execute()

export const spendGrant = (db: Db, grantId: string, nowMs: number) =>
  db.updateTable('tokens').set({ spent_at: nowMs }).where('grant_id', '=', grantId).execute()

/** Forgets what has long been good for nothing. */
export const sweepTokens = (db: Db, nowMs: number) =>
  db
    .deleteFrom('tokens')
    .where('expires_at', '<', nowMs - 86_400_000)
    .execute()
