/**
 * `/login` and `/logout`: how a person's browser gets its cookie. A start of the system prints one
 * link for the developer; a signed-in developer makes links for others. Every code works once.
 *
 * The developer's link signs in at once. An invitation shows a button first, because chat programs
 * open links to preview them, and that must not use the invitation up.
 */
import rateLimit from '@fastify/rate-limit'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { readDeveloper } from '../auth/developer.ts'
import { findInvite, redeemInvite, redeemStartCode } from '../auth/signin-codes.ts'
import {
  SIGNIN_COOKIE,
  SIGNIN_TTL_SECONDS,
  type SignedIn,
  signCookie,
} from '../auth/signin-cookie.ts'
import { personOf } from './caller.ts'
import { sendPage, signInPage } from './page.ts'
import type { Room } from './room.ts'
import type { App } from './zod-validation.ts'

/** A code has 128 bits and cannot be guessed; this keeps guessing from costing us anything. */
const ATTEMPTS_PER_MINUTE = 30

const codeIn = z.object({ code: z.string().max(256).default('') }).nullish()

const sessionPath = (sid: string | null): string => (sid ? `/s/${sid}` : '/')

export const signIn = async (app: App, room: Room): Promise<void> => {
  const { codes, config, nowMs } = room
  await app.register(rateLimit, { max: ATTEMPTS_PER_MINUTE, timeWindow: '1 minute' })
  app.addContentTypeParser<string>(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body))),
  )

  const admit = (reply: FastifyReply, who: SignedIn, path: string) =>
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

  const get = { schema: { querystring: codeIn }, exposeHeadRoute: false }
  app.get('/login', get, async (request, reply) => {
    const code = request.query?.code ?? ''
    if (await redeemStartCode(codes, config.signinCode, code)) {
      return admit(reply, await readDeveloper(), '/')
    }
    const invite = await findInvite(codes, code, nowMs())
    if (invite) return sendPage(reply, 200, signInPage.invited(invite, code))
    // The same link opened twice in one browser: there is nothing left to do.
    if (personOf(request, room)) return reply.redirect('/', 303)
    return sendPage(reply, code ? 403 : 200, code ? signInPage.used() : signInPage.needed())
  })

  app.post('/login', { schema: { body: codeIn } }, async (request, reply) => {
    const invite = await redeemInvite(codes, request.body?.code ?? '', nowMs())
    if (!invite) return sendPage(reply, 403, signInPage.used())
    return admit(reply, invite.who, sessionPath(invite.sid))
  })

  app.post('/logout', async (_request, reply) =>
    reply.clearCookie(SIGNIN_COOKIE, { path: '/' }).redirect('/login', 303),
  )
}
