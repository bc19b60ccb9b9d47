/**
 * Who calls. A service signs its request, and with it for whom it acts; or it proves with the seed's
 * token that it may speak for its users, and names them in the body. A browser's cookie says who it is, and nothing in a body can make it somebody else.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Actor } from '../../../subjects/commands.ts'
import { fail } from '../../../subjects/errors.ts'
import { verifyServiceToken } from '../../auth/service-token.ts'
import { readCookie, SIGNIN_COOKIE, type SignedIn } from '../../auth/signin-cookie.ts'
import type { Room } from '../room.ts'

export type Caller =
  /** `signedFor`: the user or the service itself, as signed; null: it may name users in the body. */
  | { readonly kind: 'service'; readonly signedFor: string | null }
  | { readonly kind: 'person'; readonly who: SignedIn }

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
}

/**
 * Whether a request that carries the cookie comes from our own page. SameSite=Strict already keeps
 * other sites out; this keeps out other ports of the same host, which count as the same site.
 */
const isOwnPage = ({ headers }: FastifyRequest): boolean => {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  if (headers.origin === undefined) return true
  return URL.parse(headers.origin)?.host === headers.host
}

/** The person of the request's cookie, if any. */
export const personOf = (request: FastifyRequest, room: Room): SignedIn | undefined => {
  const secret = room.config.internalCallbackSecret
  if (!secret || !isOwnPage(request)) return undefined
  return readCookie(secret, request.cookies[SIGNIN_COOKIE], room.nowMs())
}

/**
 * The service or signed-in person who asks. Of a signed request it is known once its body was read.
 * @throws `UNAUTHORIZED` for anybody else
 */
export const callerOf = (request: FastifyRequest, room: Room): Caller => {
  if (request.signedClaim) {
    if (request.signedFor === null) throw fail('UNAUTHORIZED')
    return { kind: 'service', signedFor: request.signedFor }
  }
  const { authorization } = request.headers
  const person = authorization === undefined ? personOf(request, room) : undefined
  if (person) return { kind: 'person', who: person }
  if (room.config.serviceAuth === 'signature') throw fail('UNAUTHORIZED')
  verifyServiceToken(room.config.internalCallbackSecret, authorization, {
    nowMs: room.nowMs(),
    windowMs: room.config.serviceTokenWindowMs,
  })
  return { kind: 'service', signedFor: null }
}

/** Lets only a service or a signed-in person through to the routes of this scope. */
export const requireCaller = (app: FastifyInstance, room: Room): void => {
  app.addHook('onRequest', async request => {
    if (!request.signedClaim) request.caller = callerOf(request, room)
  })
  // Runs behind the one that verifies signatures.
  app.addHook('preParsing', async (request, _reply, payload) => {
    if (request.signedClaim) request.caller = callerOf(request, room)
    return payload
  })
}

/** On whose word the caller's commands come; what that allows is lib/session/rights. */
export const authorityOf = (caller: Caller): 'service' | 'developer' | 'person' =>
  caller.kind === 'service' ? 'service' : caller.who.role === 'developer' ? 'developer' : 'person'

/** What a service may say of the user for whom it acts. */
export type Claim = {
  readonly userId?: string | null | undefined
  readonly githubLogin?: string | null | undefined
  readonly githubName?: string | null | undefined
  readonly githubEmail?: string | null | undefined
  readonly githubUserId?: string | null | undefined
}

/**
 * The user who acts: the signed-in person, or whom the service names.
 *
 * @throws `INVALID_REQUEST` when a service names nobody and there is no `otherwise`
 */
export const actorOf = (caller: Caller, claim: Claim, otherwise?: string): Actor => {
  if (caller.kind === 'person') {
    const { userId, name, email, login, githubUserId } = caller.who
    return {
      userId,
      name,
      email: email ?? null,
      ...(login ? { login } : {}),
      ...(githubUserId ? { githubUserId } : {}),
    }
  }
  const userId = caller.signedFor ?? (claim.userId || otherwise)
  if (!userId) throw fail('INVALID_REQUEST', { message: 'userId is required' })
  return {
    userId,
    login: claim.githubLogin ?? null,
    name: claim.githubName ?? null,
    email: claim.githubEmail ?? null,
    githubUserId: claim.githubUserId ?? null,
  }
}
