/** `/login/oauth/authorize`: a person says who they are and is sent back with a code. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { newPerson, people } from '../accounts.ts'
import { type Html, html, sendPage } from '../pages/html.ts'
import { browserCaller, loginOf, signInBrowser } from '../pages/session.ts'
import { refusal } from '../refusal.ts'
import type { Room } from '../room.ts'
import type { AccountRow } from '../tables.ts'
import { makeToken } from '../tokens.ts'

const CODE_MS = 600_000

const asked = z.object({
  client_id: z.string().default(''),
  redirect_uri: z.string().optional(),
  state: z.string().default(''),
  code_challenge: z.string().optional(),
  code_challenge_method: z.string().optional(),
})
type Asked = z.output<typeof asked>

/** What a code must be used with. */
export type CodeFacts = { readonly redirectUri: string; readonly challenge: string | null }

/**
 * Where to send the person back to: the App's callback address, or one below it. As on GitHub a
 * loopback address may be on any port.
 *
 * @throws 400
 */
const callbackOf = ({ settings }: Room, query: Asked): string => {
  if (query.client_id !== settings.app.clientId) throw refusal(404, 'No App has this client_id.')
  const registered = new URL(settings.callbackUrl)
  if (query.redirect_uri === undefined) return registered.href
  const wanted = URL.parse(query.redirect_uri)
  const same =
    wanted !== null &&
    wanted.protocol === registered.protocol &&
    wanted.hostname === registered.hostname &&
    (wanted.port === registered.port || registered.hostname === '127.0.0.1') &&
    `${wanted.pathname}/`.startsWith(`${registered.pathname}/`)
  if (same) return wanted.href
  throw refusal(400, 'The redirect_uri is not one that is registered for this App.')
}

/** @throws 400 */
const challengeOf = (query: Asked): string | null => {
  if (query.code_challenge === undefined) return null
  const good = query.code_challenge_method === 'S256' && /^[\w-]{43}$/.test(query.code_challenge)
  if (good) return query.code_challenge
  throw refusal(400, 'The code_challenge must be of the method S256.')
}

export const authorizeRoutes = (pages: FastifyInstance, room: Room): void => {
  const { settings, store } = room

  pages.get('/login/oauth/authorize', async (request, reply) => {
    const query = asked.parse(request.query)
    const callback = callbackOf(room, query)
    challengeOf(query)
    const login = loginOf(await browserCaller(room, request))
    const everybody = await store.within(people)
    const body = choosePage({ everybody, login, query, action: '/login/oauth/authorize' })
    const { origin } = new URL(callback)
    return sendPage(reply, { title: 'Sign in', login, body, formTarget: origin })
  })

  pages.post('/login/oauth/authorize', async (request, reply) => {
    const form = request.body as Record<string, string>
    const query = asked.parse(form)
    const redirectUri = callbackOf(room, query)
    const facts: CodeFacts = { redirectUri, challenge: challengeOf(query) }
    const at = settings.nowMs()
    const code = await store.within(async db => {
      const person = await newPerson(db, form.new_login?.trim() || form.login || '', at)
      await signInBrowser(room, db, reply, person)
      const expiresAtMs = at + CODE_MS
      return makeToken(db, { kind: 'code', accountId: person.id, expiresAtMs, facts })
    })
    const back = new URL(redirectUri)
    back.searchParams.set('code', code)
    if (query.state) back.searchParams.set('state', query.state)
    return reply.redirect(back.href, 303)
  })

  pages.get('/login', async (request, reply) => {
    const login = loginOf(await browserCaller(room, request))
    const { next = '/' } = request.query as { next?: string }
    const everybody = await store.within(people)
    const body = choosePage({ everybody, login, query: { next }, action: '/login' })
    return sendPage(reply, { title: 'Sign in', login, body })
  })

  pages.post('/login', async (request, reply) => {
    const form = request.body as Record<string, string>
    await store.within(async db => {
      const name = form.new_login?.trim() || form.login || ''
      const person = await newPerson(db, name, settings.nowMs())
      await signInBrowser(room, db, reply, person)
    })
    return reply.redirect(ownPath(form.next), 303)
  })
}

/** A path of this origin, whatever a query says. */
export const ownPath = (text: string | undefined): string => {
  const url = text ? URL.parse(text, 'http://forge.invalid') : null
  const own = url?.origin === 'http://forge.invalid' && text?.startsWith('/')
  return own && url ? `${url.pathname}${url.search}` : '/'
}

type Choice = {
  readonly everybody: readonly AccountRow[]
  readonly login: string | null
  readonly query: Readonly<Record<string, string | undefined>>
  readonly action: string
}

const choosePage = ({ everybody, login, query, action }: Choice): Html => {
  const hidden = Object.entries(query).map(([name, value]) =>
    value ? html`<input type="hidden" name="${name}" value="${value}">` : '',
  )
  const first = everybody.filter(one => one.login === login)
  const others = everybody.filter(one => one.login !== login)
  return html`<section class="choose">
<h1>Sign in as</h1>
<p class="dim">This forge is for development: nobody has a password, and you are whom you choose to be.</p>
<form method="post" action="${action}">${hidden}
<ul class="people">${[...first, ...others].map(
    one =>
      html`<li><button name="login" value="${one.login}"><img src="/avatars/${one.id}" alt="" width="32" height="32"><span><b>${one.login}</b> <span class="dim">${one.name ?? ''}</span></span></button></li>`,
  )}</ul>
</form>
<form method="post" action="${action}" class="row">${hidden}
<input name="new_login" placeholder="Somebody new" aria-label="A new name" maxlength="39" required autocomplete="off">
<button class="primary">Sign in</button>
</form>
</section>`
}
