/** The first page: the repositories that one may see. */
import type { FastifyInstance } from 'fastify'
import { accessOf } from '../caller.ts'
import { fullName } from '../json/repository.ts'
import { allRepositories } from '../repositories.ts'
import type { Room } from '../room.ts'
import { html, sendPage } from './html.ts'
import { browserCaller, loginOf } from './session.ts'

export const homeRoutes = (pages: FastifyInstance, room: Room): void => {
  pages.get('/', async (request, reply) => {
    const caller = await browserCaller(room, request)
    const all = await room.store.within(allRepositories)
    const seen = all.filter(one => accessOf(caller, one))
    const body = html`<h1>Repositories</h1>
<ul class="list">${seen.map(
      one => html`<li><a href="/${fullName(one)}"><b>${fullName(one)}</b></a>
<span class="dim">${one.description ?? ''}</span>${one.private ? html`<span class="tag">private</span>` : ''}</li>`,
    )}</ul>`
    return sendPage(reply, { title: 'Repositories', login: loginOf(caller), body })
  })
}
