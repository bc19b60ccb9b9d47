/** Who sits before the browser: a cookie, made by choosing who to be. Nobody has a password. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Caller, userCaller } from '../caller.ts'
import { refusal } from '../refusal.ts'
import type { Room } from '../room.ts'
import type { AccountRow, Db } from '../tables.ts'
import { findToken, makeToken, spend } from '../tokens.ts'

const COOKIE = 'forge_person'
const LIFETIME_MS = 30 * 86_400_000

/** The signed-in person; kind `nobody` for none. */
export const browserCaller = async (room: Room, request: FastifyRequest): Promise<Caller> => {
  const text = request.cookies[COOKIE]
  if (!text) return { kind: 'nobody' }
  return room.store.within(async db => {
    const found = await findToken(db, text, ['browser'], room.settings.nowMs())
    return found ? userCaller(db, found.account_id) : { kind: 'nobody' }
  })
}

export const loginOf = (caller: Caller): string | null =>
  caller.kind === 'user' ? caller.account.login : null

export const signInBrowser = async (
  room: Room,
  db: Db,
  reply: FastifyReply,
  account: AccountRow,
): Promise<void> => {
  const expiresAtMs = room.settings.nowMs() + LIFETIME_MS
  const text = await makeToken(db, { kind: 'browser', accountId: account.id, expiresAtMs })
  reply.setCookie(COOKIE, text, {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    maxAge: LIFETIME_MS / 1000,
  })
}

export const signOutBrowser = async (room: Room, request: FastifyRequest, reply: FastifyReply) => {
  const text = request.cookies[COOKIE]
  const { settings, store } = room
  await store.within(async db => {
    const found = text ? await findToken(db, text, ['browser'], settings.nowMs()) : undefined
    if (found) await spend(db, found.hash, settings.nowMs())
  })
  reply.clearCookie(COOKIE, { path: '/' })
}

/**
 * Forms of our own pages alone may change something. Cookies are shared by all ports of a host, so
 * `SameSite` does not keep out a page of another server on this machine.
 *
 * @throws 403
 */
export const requireOwnForm = async (request: FastifyRequest): Promise<void> => {
  if (request.method === 'GET' || request.method === 'HEAD') return
  const { origin, host } = request.headers
  if (origin === `http://${host}` || origin === `https://${host}`) return
  throw refusal(403, 'This form was not sent from a page of the forge.')
}
