/** Everything that a person sees. Server-rendered; no script. */
import { readFileSync } from 'node:fs'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { accountById } from '../accounts.ts'
import { authorizeRoutes } from '../oauth/authorize.ts'
import { refusalOf, sentenceOf } from '../refusal.ts'
import type { Room } from '../room.ts'
import { homeRoutes } from './home.ts'
import { html, sendPage } from './html.ts'
import { pullActions } from './pull-actions.ts'
import { pullPages } from './pull-page.ts'
import { repositoryPages } from './repository-page.ts'
import { browserCaller, loginOf, requireOwnForm, signOutBrowser } from './session.ts'

/** The colours and fields of the console, and what these pages have of their own. */
const STYLE = ['../../console/style-base.css', './forge.css']
  .map(name => readFileSync(new URL(name, import.meta.url), 'utf8'))
  .join('\n')

export const servePages = async (pages: FastifyInstance, room: Room): Promise<void> => {
  pages.addHook('preHandler', requireOwnForm)
  const answer = async (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const refused = refusalOf(error)
    if (!refused) request.log.error({ err: error }, 'page failed')
    const login = loginOf(await browserCaller(room, request))
    const sentence = refused ? sentenceOf(refused) : 'Something went wrong; the log says what.'
    const back = request.headers.referer?.startsWith(`http://${request.headers.host}/`)
    const body = html`<section class="choose"><h1>${sentence}</h1>
<p><a href="${back ? (request.headers.referer ?? '/') : '/'}">Back</a></p></section>`
    return sendPage(reply, { title: sentence, login, body, status: refused?.status ?? 500 })
  }
  pages.setErrorHandler(answer)

  pages.get('/assets/forge.css', (_request, reply) => reply.type('text/css').send(STYLE))
  pages.get('/avatars/:id', async (request, reply) => {
    const id = Number((request.params as { id: string }).id)
    const { login } = await room.store.within(db => accountById(db, Number.isInteger(id) ? id : 0))
    return reply
      .headers({
        'content-security-policy': "default-src 'none'",
        'cache-control': 'max-age=86400',
      })
      .type('image/svg+xml')
      .send(avatar(login, id).html)
  })
  pages.post('/logout', async (request, reply) => {
    await signOutBrowser(room, request, reply)
    return reply.redirect('/', 303)
  })
  authorizeRoutes(pages, room)
  homeRoutes(pages, room)
  repositoryPages(pages, room)
  pullPages(pages, room)
  pullActions(pages, room)
}

const avatar = (login: string, id: number) =>
  html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="20" fill="hsl(${(id * 67) % 360} 45% 45%)"/><text x="20" y="27" text-anchor="middle" font-family="sans-serif" font-size="19" fill="#fff">${login.slice(0, 1).toUpperCase()}</text></svg>`
