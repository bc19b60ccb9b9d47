/** Comments over REST. */
import { z } from 'zod'
import { actorOf, openRepository } from '../caller.ts'
import { issueCommentJson, reviewCommentJson } from '../json/comment.ts'
import { addComment, commentsOf } from '../pulls/comment.ts'
import { loadPull } from '../pulls/show.ts'
import { pageFrom } from './page.ts'
import { bodyAs, numberOf, type PullParams, type Routes } from './routes.ts'

const body = z.string().min(1).max(65_536)
const issueComment = z.object({ body })
const reviewComment = z.object({
  body,
  path: z.string().min(1),
  line: z.int().min(1).optional(),
  side: z.enum(['LEFT', 'RIGHT']).default('RIGHT'),
  subject_type: z.enum(['line', 'file']).default('line'),
})

export const commentRoutes: Routes = (api, room) => {
  const { settings, store } = room
  const onIssue = '/repos/:owner/:repo/issues/:number/comments'
  const onLines = '/repos/:owner/:repo/pulls/:number/comments'

  api.post(onIssue, async (request, reply) => {
    const caller = request.forgeCaller
    const where = request.params as PullParams
    const found = await openRepository(room, caller, where, 'issues', 'read')
    const asked = bodyAs(issueComment, request, 'IssueComment')
    const made = await addComment(room, found, numberOf(where), actorOf(caller), asked)
    return reply.code(201).send(issueCommentJson(settings, made))
  })
  api.post(onLines, async (request, reply) => {
    const caller = request.forgeCaller
    const where = request.params as PullParams
    const found = await openRepository(room, caller, where, 'pull_requests', 'read')
    const asked = bodyAs(reviewComment, request, 'PullRequestReviewComment')
    const line = asked.subject_type === 'file' ? undefined : asked.line
    const made = await addComment(room, found, numberOf(where), actorOf(caller), {
      body: asked.body,
      on: { path: asked.path, side: asked.side, line },
    })
    return reply.code(201).send(reviewCommentJson(settings, made))
  })

  for (const [path, reviews] of [
    [onIssue, false],
    [onLines, true],
  ] as const) {
    api.get(path, async (request, reply) => {
      const where = request.params as PullParams
      const found = await openRepository(room, request.forgeCaller, where, 'pull_requests', 'read')
      const all = await store.within(async db => {
        await loadPull(db, found, numberOf(where))
        return commentsOf(db, found, numberOf(where))
      })
      const wanted = all.filter(one => (one.comment.path !== null) === reviews)
      const show = reviews ? reviewCommentJson : issueCommentJson
      return pageFrom(room, request, reply, wanted).map(one => show(settings, one))
    })
  }
}
