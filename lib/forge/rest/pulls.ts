/** Pull requests over REST. */
import { z } from 'zod'
import { actorOf, openRepository } from '../caller.ts'
import { commitsOf, filesOf } from '../git/facts.ts'
import { MERGE_METHODS } from '../git/merge.ts'
import { simplePullJson } from '../json/pull.ts'
import { mergePull } from '../pulls/merge.ts'
import { editPull, headBranch, openPull, showPull } from '../pulls/open.ts'
import { listPulls, loadPull } from '../pulls/show.ts'
import { pathOf } from '../room.ts'
import { listedCommitJson } from './branches.ts'
import { addressWith, pageFrom, pageOf, sendLinks } from './page.ts'
import { bodyAs, numberOf, type PullParams, type Routes } from './routes.ts'

const title = z.string().min(1).max(256)
const body = z.string().max(65_536).nullish()
const ref = z.string().min(1).max(512)

const newPull = z.object({ title, body, head: ref, base: ref, draft: z.boolean().default(false) })
const changes = z.object({
  title: title.optional(),
  body,
  state: z.enum(['open', 'closed']).optional(),
  base: ref.optional(),
})
const merging = z.object({
  commit_title: z.string().optional(),
  commit_message: z.string().optional(),
  sha: z.string().optional(),
  merge_method: z.enum(MERGE_METHODS).default('merge'),
})
const listing = z.object({
  state: z.enum(['open', 'closed', 'all']).catch('open'),
  sort: z.enum(['created', 'updated']).catch('created'),
  direction: z.enum(['asc', 'desc']).catch('desc'),
  head: z.string().optional(),
  base: z.string().optional(),
})

export const pullRoutes: Routes = (api, room) => {
  const { settings, store } = room
  const path = '/repos/:owner/:repo/pulls'

  api.get(path, async (request, reply) => {
    const where = request.params as PullParams
    const found = await openRepository(room, request.forgeCaller, where, 'pull_requests', 'read')
    const { head, ...rest } = listing.parse(request.query)
    const { page, limit, offset } = pageOf(request)
    // As on GitHub: a head without an owner filters nothing.
    const filtered = head?.includes(':') ? { head: headBranch(found, head) ?? '' } : {}
    const { pulls, more } = await store.within(db =>
      listPulls(db, found, { ...rest, ...filtered, limit, offset }),
    )
    const to = (number: number) => addressWith(room, request, { page: String(number) })
    sendLinks(reply, {
      ...(page > 1 ? { prev: to(page - 1), first: to(1) } : {}),
      ...(more ? { next: to(page + 1) } : {}),
    })
    return pulls.map(one => simplePullJson(settings, one))
  })

  api.post(path, async (request, reply) => {
    const caller = request.forgeCaller
    const where = request.params as PullParams
    const found = await openRepository(room, caller, where, 'pull_requests', 'write')
    const asked = bodyAs(newPull, request, 'PullRequest')
    const wanted = { ...asked, body: asked.body ?? null }
    const number = await openPull(room, found, actorOf(caller), wanted)
    return reply.code(201).send(await showPull(room, found, number))
  })

  api.get(`${path}/:number`, async request => {
    const where = request.params as PullParams
    const found = await openRepository(room, request.forgeCaller, where, 'pull_requests', 'read')
    return showPull(room, found, numberOf(where))
  })

  api.patch(`${path}/:number`, async request => {
    const caller = request.forgeCaller
    const where = request.params as PullParams
    const found = await openRepository(room, caller, where, 'pull_requests', 'write')
    const edit = bodyAs(changes, request, 'PullRequest')
    await editPull(room, found, numberOf(where), actorOf(caller), edit)
    return showPull(room, found, numberOf(where))
  })

  api.put(`${path}/:number/merge`, async request => {
    const caller = request.forgeCaller
    const where = request.params as PullParams
    const found = await openRepository(room, caller, where, 'contents', 'write')
    const asked = bodyAs(merging, request, 'PullRequest')
    const sha = await mergePull(room, found, numberOf(where), actorOf(caller), {
      method: asked.merge_method,
      title: asked.commit_title,
      message: asked.commit_message,
      sha: asked.sha,
    })
    return { sha, merged: true, message: 'Pull Request successfully merged' }
  })

  api.get(`${path}/:number/commits`, async (request, reply) => {
    const where = request.params as PullParams
    const found = await openRepository(room, request.forgeCaller, where, 'pull_requests', 'read')
    const { pull } = await store.within(db => loadPull(db, found, numberOf(where)))
    const range = [`${pull.base_sha}..${pull.head_sha}`]
    const commits = await commitsOf(pathOf(settings, found), range, 250)
    const page = pageFrom(room, request, reply, commits.toReversed())
    return page.map(commit => listedCommitJson(settings, found, commit))
  })

  api.get(`${path}/:number/files`, async (request, reply) => {
    const where = request.params as PullParams
    const found = await openRepository(room, request.forgeCaller, where, 'pull_requests', 'read')
    const { pull } = await store.within(db => loadPull(db, found, numberOf(where)))
    const files = await filesOf(pathOf(settings, found), pull.base_sha, pull.head_sha)
    return pageFrom(room, request, reply, files).map(({ path: filename, ...counts }) => {
      const additions = counts.additions ?? 0
      const deletions = counts.deletions ?? 0
      return { filename, additions, deletions, changes: additions + deletions }
    })
  })
}
