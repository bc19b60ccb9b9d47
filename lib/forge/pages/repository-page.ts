/** A repository's page, and the list of its pull requests. */
import type { FastifyInstance } from 'fastify'
import { openRepository } from '../caller.ts'
import { commitsOf, fileAt } from '../git/facts.ts'
import { fullName } from '../json/repository.ts'
import { listPulls } from '../pulls/show.ts'
import { notFound } from '../refusal.ts'
import { knownRefs } from '../repositories.ts'
import { pathOf, type Room } from '../room.ts'
import { type Html, html, sendPage } from './html.ts'
import { markdown, repositoryHead, stateTag, when } from './parts.ts'
import { browserCaller, loginOf } from './session.ts'

type Where = { owner: string; repo: string; '*'?: string }
const HEADS = 'refs/heads/'
const COMMITS = 10
const LISTED = 100

export const repositoryPages = (pages: FastifyInstance, room: Room): void => {
  const { settings, store } = room

  const show = async (where: Where, request: Parameters<typeof browserCaller>[1]) => {
    const caller = await browserCaller(room, request)
    const repository = await openRepository(room, caller, where, 'contents', 'read')
    const refs = await store.within(db => knownRefs(db, repository.id))
    const branches = [...refs].flatMap(([name]) =>
      name.startsWith(HEADS) ? [name.slice(HEADS.length)] : [],
    )
    const branch = where['*'] || repository.default_branch
    const sha = refs.get(`${HEADS}${branch}`)
    if (where['*'] && !sha) throw notFound()
    const path = pathOf(settings, repository)
    const [commits, readme] = sha
      ? await Promise.all([commitsOf(path, [sha], COMMITS), fileAt(path, sha, 'README.md')])
      : [[], undefined]
    const home = `/${fullName(repository)}`
    const body = html`${repositoryHead(repository, 'code')}
${repository.description ? html`<p class="dim">${repository.description}</p>` : ''}
<div class="columns"><div>
<section class="box"><h2>Last commits on ${branch}</h2>
${commits.length === 0 ? html`<p class="dim">Nothing has been pushed yet.</p>` : ''}
<ul class="list">${commits.map(
      one => html`<li><code>${one.sha.slice(0, 7)}</code> <span>${one.message.split('\n')[0]}</span>
<span class="dim end">${one.author.name}, ${when(Date.parse(one.author.date))}</span></li>`,
    )}</ul></section>
${readme === undefined ? '' : html`<section class="box">${markdown(readme)}</section>`}
</div><aside>
<section class="box"><h2>Clone</h2><code class="copy">${settings.origin}${home}.git</code></section>
<section class="box"><h2>${branches.length} ${branches.length === 1 ? 'branch' : 'branches'}</h2>
<ul class="list">${branches.map(name => html`<li><a href="${home}/tree/${name}">${name}</a></li>`)}</ul>
</section></aside></div>`
    return { title: fullName(repository), login: loginOf(caller), body }
  }
  pages.get('/:owner/:repo', async (request, reply) =>
    sendPage(reply, await show(request.params as Where, request)),
  )
  pages.get('/:owner/:repo/tree/*', async (request, reply) =>
    sendPage(reply, await show(request.params as Where, request)),
  )

  pages.get('/:owner/:repo/pulls', async (request, reply) => {
    const caller = await browserCaller(room, request)
    const where = request.params as Where
    const repository = await openRepository(room, caller, where, 'pull_requests', 'read')
    const closed = (request.query as { state?: string }).state === 'closed'
    const state = closed ? 'closed' : 'open'
    const { pulls } = await store.within(db =>
      listPulls(db, repository, {
        state,
        sort: 'created',
        direction: 'desc',
        offset: 0,
        limit: LISTED,
      }),
    )
    const home = `/${fullName(repository)}`
    const row = (view: (typeof pulls)[number]): Html => html`<li>${stateTag(view)}
<span><a href="${home}/pull/${view.pull.number}"><b>${view.pull.title}</b></a><br>
<span class="dim">#${view.pull.number} by ${view.author.login}, ${when(view.pull.created_at)} · <code>${view.pull.head}</code> into <code>${view.pull.base}</code></span></span></li>`
    const body = html`${repositoryHead(repository, 'pulls')}
<p class="switch"><a href="${home}/pulls" class="${closed ? 'dim' : ''}">Open</a> <a href="${home}/pulls?state=closed" class="${closed ? '' : 'dim'}">Closed</a></p>
<section class="box"><ul class="list">${pulls.map(row)}</ul>
${pulls.length === 0 ? html`<p class="dim">There is none.</p>` : ''}</section>`
    const title = `Pull requests of ${fullName(repository)}`
    return sendPage(reply, { title, login: loginOf(caller), body })
  })
}
