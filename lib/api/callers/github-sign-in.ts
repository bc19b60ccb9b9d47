/**
 * `/login/github`: signing in with GitHub, or at the forge (OAuth, code flow with PKCE). The browser is
 * sent there and comes back to `…/callback` with a code, which the github process spends. Whatever goes
 * wrong is a page with one sentence and a way on.
 */
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import type { GithubConfig } from '../../../config/github.ts'
import { codeOf, ERRORS, fail } from '../../../subjects/errors.ts'
import { type GithubUser, userIdOf } from '../../../subjects/github.ts'
import { beginOAuth, endOAuth, OAUTH_TTL_SECONDS, oauthCookie } from '../../auth/oauth-state.ts'
import type { SignedIn } from '../../auth/signin-cookie.ts'
import { askGithub } from '../../bus/ask-github.ts'
import { hostName, sendPage, signInPage } from '../page.ts'
import type { Room } from '../room.ts'
import type { App } from '../zod-validation.ts'
import { admit, ownPath } from './admit.ts'

const PATH = '/login/github'
const CALLBACK = `${PATH}/callback`
/** A classic OAuth app is given these rights; a GitHub App has its own and ignores them (spec 6.2). */
const SCOPES = 'read:user user:email repo'

const start = z.object({
  next: z.string().max(2_000).optional(),
  /** Set once we have sent the browser to our own address, so that it is not sent there for ever. */
  here: z.string().optional(),
})
const back = z.object({
  code: z.string().max(512).optional(),
  state: z.string().max(512).optional(),
  error: z.string().max(256).optional(),
})

/** Everybody who comes from GitHub is a guest: the developer is who started the system. */
const signedInAs = ({ githubUserId, login, name, email }: GithubUser): SignedIn => ({
  userId: userIdOf(githubUserId),
  name: (name || login).slice(0, 256).toWellFormed(),
  email: email.slice(0, 320),
  role: 'guest',
  login,
  githubUserId,
})

const authorizeUrl = (
  github: GithubConfig,
  asked: { redirectUri: string; state: string; codeChallenge: string; scope: string },
): string => {
  const url = new URL(`${github.url}/login/oauth/authorize`)
  url.search = new URLSearchParams({
    client_id: github.clientId,
    redirect_uri: asked.redirectUri,
    scope: asked.scope,
    state: asked.state,
    code_challenge: asked.codeChallenge,
    code_challenge_method: 'S256',
  }).toString()
  return url.toString()
}

export const githubSignIn = (app: App, room: Room): void => {
  const { bus, codes, config, nowMs } = room
  const { github, internalCallbackSecret: secret } = config
  const redirectUri = `${config.controlPlaneUrl}${CALLBACK}`
  const scope = config.allowedGithubOrgs ? `${SCOPES} read:org` : SCOPES

  const failed = (reply: FastifyReply, status: number, next: string, why: string) =>
    sendPage(reply, status, signInPage.failed(github, next, why))
  const notConfigured = (reply: FastifyReply) =>
    failed(reply, 404, '/', 'Signing in with GitHub is not configured here.')

  const startRoute = { schema: { querystring: start }, exposeHeadRoute: false }
  app.get(PATH, startRoute, async (request, reply) => {
    const next = ownPath(request.query.next)
    if (!github) return notConfigured(reply)
    // The cookie has to be there when the browser comes back, and it comes back to this address.
    if (request.query.here === undefined && request.host !== new URL(redirectUri).host) {
      const query = new URLSearchParams({ next, here: '1' })
      return reply.redirect(`${config.controlPlaneUrl}${PATH}?${query}`, 303)
    }
    const { state, codeChallenge, cookie } = beginOAuth(secret, next, nowMs())
    return reply
      .setCookie(oauthCookie(state), cookie, {
        path: CALLBACK,
        httpOnly: true,
        // Lax, for the browser comes back from another site.
        sameSite: 'lax',
        secure: config.production,
        maxAge: OAUTH_TTL_SECONDS,
      })
      .redirect(authorizeUrl(github, { redirectUri, state, codeChallenge, scope }), 303)
  })

  const backRoute = { schema: { querystring: back }, exposeHeadRoute: false }
  app.get(CALLBACK, backRoute, async (request, reply) => {
    if (!github) return notConfigured(reply)
    const { code, error, state = '' } = request.query
    const name = oauthCookie(state)
    const visit = { secret, bucket: codes, nowMs: nowMs() }
    const begun = await endOAuth(visit, state, request.cookies[name])
    reply.clearCookie(name, { path: CALLBACK })
    if (!begun) {
      const why = 'This sign-in was not begun in this browser, is too old, or was used already.'
      return failed(reply, 400, '/', why)
    }
    const { next, codeVerifier } = begun
    if (error === 'access_denied') {
      return failed(reply, 403, next, `You did not allow it at ${hostName(github)}.`)
    }
    if (!code) return failed(reply, 400, next, `It did not work at ${hostName(github)}.`)
    try {
      const asked = { v: 1, type: 'sign_in', code, codeVerifier, redirectUri } as const
      const { user } = await askGithub(bus, asked)
      return admit(room, reply, signedInAs(user), next)
    } catch (caught) {
      const known = codeOf(caught) ? (caught as Error) : fail('INTERNAL', { error: caught })
      request.log.warn({ error: caught }, 'a sign-in with GitHub failed')
      return failed(reply, ERRORS[codeOf(known) ?? 'INTERNAL'].http, next, `${known.message}.`)
    }
  })
}
