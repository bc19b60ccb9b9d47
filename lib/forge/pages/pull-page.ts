/** A pull request's page: what it is about, its commits and changes, what was said, and what to do. */
import type { FastifyInstance } from 'fastify'
import { accessOf, openRepository } from '../caller.ts'
import { commitsOf, diffOf } from '../git/facts.ts'
import type { CommentView } from '../json/comment.ts'
import type { PullView } from '../json/pull.ts'
import { fullName } from '../json/repository.ts'
import { commentsOf } from '../pulls/comment.ts'
import { mergeable } from '../pulls/facts.ts'
import { loadPull } from '../pulls/show.ts'
import { branchSha } from '../repositories.ts'
import { numberOf, type PullParams } from '../rest/routes.ts'
import { pathOf, type Room } from '../room.ts'
import { commentBox, diffView } from './diff.ts'
import { type Html, html, sendPage } from './html.ts'
import { markdown, repositoryHead, stateTag, when } from './parts.ts'
import { browserCaller, loginOf } from './session.ts'

const COMMITS = 250

export const pullPages = (pages: FastifyInstance, room: Room): void => {
  const { settings, store } = room

  const load = async (request: Parameters<typeof browserCaller>[1]) => {
    const caller = await browserCaller(room, request)
    const where = request.params as PullParams
    const repository = await openRepository(room, caller, where, 'pull_requests', 'read')
    const view = await store.within(db => loadPull(db, repository, numberOf(where)))
    return { caller, repository, view, path: pathOf(settings, repository) }
  }

  pages.get('/:owner/:repo/pull/:number', async (request, reply) => {
    const { caller, repository, view, path } = await load(request)
    const { pull } = view
    const [comments, headThere] = await store.within(async db => [
      await commentsOf(db, repository, pull.number),
      (await branchSha(db, repository.id, pull.head)) !== undefined,
    ])
    const { base_sha: base, head_sha: head } = pull
    const [commits, diff, merges] = await Promise.all([
      commitsOf(path, [`${base}..${head}`], COMMITS),
      // What is larger than git may say here is better looked at in a clone.
      diffOf(path, base, head).catch(() => null),
      pull.state === 'open' ? mergeable(path, base, head) : null,
    ])
    const here = `/${fullName(repository)}/pull/${pull.number}`
    const writes = accessOf(caller, repository) === 'write'
    const lineAction = caller.kind === 'user' ? `${here}/review-comments` : null
    const onLines = comments.filter(({ comment }) => comment.path !== null)
    const body = html`${repositoryHead(repository, 'pulls')}
<h1 class="title">${pull.title} <span class="dim">#${pull.number}</span></h1>
<p>${stateTag(view)} <b>${view.author.login}</b> <span class="dim">wants to merge ${commits.length} ${commits.length === 1 ? 'commit' : 'commits'} into <code>${pull.base}</code> from <code>${pull.head}</code>, ${when(pull.created_at)}</span></p>
<section class="box">${pull.body ? markdown(pull.body) : html`<p class="dim">No description.</p>`}</section>
${comments.filter(({ comment }) => comment.path === null).map(commentBox)}
${actions({ view, here, writes, merges, headThere, signedIn: caller.kind === 'user' })}
<section class="box"><h2>Commits</h2><ul class="list">${commits
      .toReversed()
      .map(
        one =>
          html`<li><code>${one.sha.slice(0, 7)}</code> <span>${one.message.split('\n')[0]}</span> <span class="dim end">${one.author.name}</span></li>`,
      )}</ul></section>
<h2 class="changes">Changes</h2>
${diff === null ? html`<p class="dim">The diff is too large to show here.</p>` : diffView(diff, onLines, lineAction)}
${outdated(onLines, head)}`
    const title = `${pull.title} · #${pull.number}`
    return sendPage(reply, { title, login: loginOf(caller), body })
  })

  pages.get('/:owner/:repo/pull/:number.diff', async (request, reply) => {
    const { view, path } = await load(request)
    const diff = await diffOf(path, view.pull.base_sha, view.pull.head_sha)
    return reply.type('text/plain; charset=utf-8').send(diff)
  })
}

/** Comments on lines of an older head still have their hunk. */
const outdated = (comments: readonly CommentView[], head: string): Html => {
  const old = comments.filter(({ comment }) => comment.commit_sha !== head)
  if (old.length === 0) return html``
  return html`<section class="box"><h2>Said of earlier versions</h2>${old.map(
    one =>
      html`<p><code>${one.comment.path}</code></p><pre class="quoted">${one.comment.diff_hunk}</pre>${commentBox(one)}`,
  )}</section>`
}

type Possible = {
  readonly view: PullView
  readonly here: string
  readonly writes: boolean
  readonly signedIn: boolean
  readonly merges: boolean | null
  readonly headThere: boolean
}

const actions = (possible: Possible): Html => {
  const { view, here, signedIn } = possible
  const comment = signedIn
    ? html`<form method="post" action="${here}/comments" class="say">
<textarea name="body" rows="3" required placeholder="Leave a comment" aria-label="Comment"></textarea>
<button>Comment</button></form>`
    : html`<p><a href="/login?next=${encodeURIComponent(here)}">Sign in</a> to comment or merge.</p>`
  return html`<section class="box act">${standing(view)}${possible.writes ? buttons(possible) : ''}${comment}</section>`
}

const standing = ({ pull, mergedBy }: PullView): Html => {
  if (pull.merged_at !== null) {
    return html`<p class="fate">Merged by <b>${mergedBy?.login ?? 'somebody'}</b> as <code>${pull.merge_commit_sha?.slice(0, 7)}</code>, ${when(pull.merged_at)}.</p>`
  }
  return pull.state === 'open' ? html`` : html`<p class="dim">Closed without being merged.</p>`
}

const buttons = ({ view, here, merges, headThere }: Possible): Html => {
  const { pull } = view
  const form = (what: string, button: Html) =>
    html`<form method="post" action="${here}/${what}">${button}</form>`
  if (pull.merged_at !== null) return html``
  if (pull.state !== 'open') {
    if (!headThere) return html`<p class="dim">Its branch is no more.</p>`
    return html`<div class="row">${form('reopen', html`<button>Reopen</button>`)}</div>`
  }
  const close = form('close', html`<button class="quiet bad">Close</button>`)
  if (pull.draft) {
    return html`<p>This is a draft: it cannot be merged yet.</p>
<div class="row">${form('ready', html`<button class="primary">Ready for review</button>`)}${close}</div>`
  }
  const conflict = html`<p class="conflict">This branch has conflicts with <code>${pull.base}</code>: bring <code>${pull.head}</code> up to date and push it again.</p>`
  const merge = html`<form method="post" action="${here}/merge">
<input type="hidden" name="sha" value="${pull.head_sha}">
<select name="method" aria-label="How"><option value="merge">Merge commit</option><option value="squash">Squash</option><option value="rebase">Rebase</option></select>
<button class="primary">Merge pull request</button></form>`
  return html`${merges === false ? conflict : ''}
<div class="row">${merges === false ? '' : merge}${form('draft', html`<button class="quiet">Convert to draft</button>`)}${close}</div>`
}
