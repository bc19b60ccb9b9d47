/** Lets a person in: the cookie, and on to where they wanted to go. */
import type { FastifyReply } from 'fastify'
import {
  SIGNIN_COOKIE,
  SIGNIN_TTL_SECONDS,
  type SignedIn,
  signCookie,
} from '../../auth/signin-cookie.ts'
import type { Room } from '../room.ts'

/** A path of this origin, whatever somebody wrote into a link; else the start. */
export const ownPath = (given: string | undefined): string => {
  const here = 'http://here.invalid'
  const url = given?.startsWith('/') ? URL.parse(given, here) : null
  if (url?.origin !== here) return '/'
  // Whoever wants to sign in is sent to the page itself afterwards, not to the signing in.
  return url.pathname.startsWith('/login') ? '/' : url.pathname + url.search
}

export const admit = (
  { config, nowMs }: Pick<Room, 'config' | 'nowMs'>,
  reply: FastifyReply,
  who: SignedIn,
  path: string,
) =>
  reply
    .setCookie(SIGNIN_COOKIE, signCookie(config.internalCallbackSecret, who, nowMs()), {
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      // Development is plain HTTP on this machine; anything else stands behind TLS.
      secure: config.production,
      maxAge: SIGNIN_TTL_SECONDS,
    })
    .redirect(path, 303)
