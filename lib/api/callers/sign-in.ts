/**
 * `/login` and `/logout`: how a person's browser gets its cookie. A start of the system prints one
 * link for the developer; a signed-in developer makes links for others. Every code works once.
 *
 * The developer's link signs in at once. An invitation shows a button first, because chat programs
 * open links to preview them, and that must not use the invitation up.
 */
import rateLimit from '@fastify/rate-limit'
import { z } from 'zod'
import { readDeveloper } from '../../auth/developer.ts'
import { findInvite, redeemInvite, redeemStartCode } from '../../auth/signin-codes.ts'
import { SIGNIN_COOKIE } from '../../auth/signin-cookie.ts'
import { sendPage, signInPage } from '../page.ts'
import type { Room } from '../room.ts'
import type { App } from '../zod-validation.ts'
import { admit, ownPath } from './admit.ts'
import { personOf } from './caller.ts'
import { githubSignIn } from './github-sign-in.ts'

/** A code has 128 bits and cannot be guessed; this keeps guessing from costing us anything. */
const ATTEMPTS_PER_MINUTE = 30

const codeIn = z.object({ code: z.string().max(256).default('') }).nullish()
const visit = z.object({
  code: z.string().max(256).default(''),
  next: z.string().max(2_000).optional(),
})

const sessionPath = (sid: string | null): string => (sid ? `/s/${sid}` : '/')

export const signIn = async (app: App, room: Room): Promise<void> => {
  const { codes, config, nowMs } = room
  await app.register(rateLimit, { max: ATTEMPTS_PER_MINUTE, timeWindow: '1 minute' })
  app.addContentTypeParser<string>(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body))),
  )

  const get = { schema: { querystring: visit }, exposeHeadRoute: false }
  app.get('/login', get, async (request, reply) => {
    const { code, next } = request.query
    if (await redeemStartCode(codes, config.signinCode, code)) {
      return admit(room, reply, await readDeveloper(), '/')
    }
    const invite = await findInvite(codes, code, nowMs())
    if (invite) return sendPage(reply, 200, signInPage.invited(invite, code))
    // The same link opened twice in one browser: there is nothing left to do.
    if (personOf(request, room)) return reply.redirect(ownPath(next), 303)
    if (code) return sendPage(reply, 403, signInPage.used(config.github))
    return sendPage(reply, 200, signInPage.needed(config.github, ownPath(next)))
  })

  app.post('/login', { schema: { body: codeIn } }, async (request, reply) => {
    const invite = await redeemInvite(codes, request.body?.code ?? '', nowMs())
    if (!invite) return sendPage(reply, 403, signInPage.used(config.github))
    return admit(room, reply, invite.who, sessionPath(invite.sid))
  })

  githubSignIn(app, room)

  app.post('/logout', async (_request, reply) =>
    reply.clearCookie(SIGNIN_COOKIE, { path: '/' }).redirect('/login', 303),
  )
}
