/**
 * `/login/oauth/access_token`: a code, or a refresh token, for a user's token. Every refusal is an
 * answer 200 with an `error`, as GitHub's are. A code and a refresh token work once.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { safeEqual } from '../../auth/hash.ts'
import type { Room } from '../room.ts'
import type { Db } from '../tables.ts'
import { findToken, makeToken, spend, spendGrant } from '../tokens.ts'
import type { CodeFacts } from './authorize.ts'

/** GitHub's: half a year. */
const REFRESH_MS = 15_897_600_000

type Answer = Readonly<Record<string, string | number>>
type Form = Readonly<Record<string, string | undefined>>

const ERRORS = {
  incorrect_client_credentials: 'The client_id and/or client_secret passed are incorrect.',
  bad_verification_code: 'The code passed is incorrect or expired.',
  redirect_uri_mismatch: 'The redirect_uri MUST match the registered callback URL.',
  bad_refresh_token: 'The refresh token passed is incorrect or expired.',
  unsupported_grant_type: 'The grant type is not supported.',
} as const

const no = (error: keyof typeof ERRORS): Answer => ({
  error,
  error_description: ERRORS[error],
  error_uri: 'https://docs.github.com/apps',
})

export const exchangeRoutes = (app: FastifyInstance, room: Room): void => {
  app.post('/login/oauth/access_token', async (request, reply) => {
    const answer = await exchange(room, (request.body ?? {}) as Form)
    reply.header('cache-control', 'no-store')
    if (/json/.test(request.headers.accept ?? '')) return reply.send(answer)
    const pairs = Object.entries(answer).map(([name, value]) => [name, String(value)])
    return reply
      .type('application/x-www-form-urlencoded; charset=utf-8')
      .send(new URLSearchParams(pairs).toString())
  })
}

const exchange = async (room: Room, form: Form): Promise<Answer> => {
  const { app, nowMs } = room.settings
  const known =
    safeEqual(form.client_id ?? '', app.clientId) &&
    safeEqual(form.client_secret ?? '', app.clientSecret)
  if (!known) return no('incorrect_client_credentials')
  const at = nowMs()
  const { grant_type: grant = 'authorization_code' } = form
  if (grant === 'refresh_token') {
    const answer = await room.store.within(db => refresh(room, db, form.refresh_token ?? '', at))
    room.refreshes['error' in answer ? 'refused' : 'good'] += 1
    return answer
  }
  if (grant !== 'authorization_code') return no('unsupported_grant_type')
  return room.store.within(db => redeem(room, db, form, at))
}

const redeem = async (room: Room, db: Db, form: Form, at: number): Promise<Answer> => {
  const found = await findToken(db, form.code ?? '', ['code'], at)
  if (!found) return no('bad_verification_code')
  // Whatever comes of it: a code is used up by the first attempt.
  await spend(db, found.hash, at)
  const { redirectUri, challenge } = JSON.parse(found.facts) as CodeFacts
  if (form.redirect_uri !== undefined && form.redirect_uri !== redirectUri) {
    return no('redirect_uri_mismatch')
  }
  const shown = createHash('sha256')
    .update(form.code_verifier ?? '')
    .digest('base64url')
  if (challenge !== null && !safeEqual(shown, challenge)) return no('bad_verification_code')
  return issue(room, db, found.account_id, randomUUID(), at)
}

const refresh = async (room: Room, db: Db, text: string, at: number): Promise<Answer> => {
  const found = await findToken(db, text, ['refresh'], at)
  if (!found?.grant_id) return no('bad_refresh_token')
  await spendGrant(db, found.grant_id, at)
  return issue(room, db, found.account_id, found.grant_id, at)
}

const issue = async (
  { settings }: Room,
  db: Db,
  accountId: number,
  grantId: string,
  at: number,
): Promise<Answer> => {
  const of = { accountId, grantId }
  const { userTokenMs } = settings
  const user = { ...of, kind: 'user', expiresAtMs: at + userTokenMs } as const
  const again = { ...of, kind: 'refresh', expiresAtMs: at + REFRESH_MS } as const
  return {
    access_token: await makeToken(db, user),
    expires_in: Math.floor(userTokenMs / 1000),
    refresh_token: await makeToken(db, again),
    refresh_token_expires_in: REFRESH_MS / 1000,
    scope: '',
    token_type: 'bearer',
  }
}
