/** The buttons and forms of a pull request's page. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { actorOf, openRepository } from '../caller.ts'
import { MERGE_METHODS } from '../git/merge.ts'
import type { PermissionName } from '../json/installation.ts'
import { type Access, fullName } from '../json/repository.ts'
import { addComment } from '../pulls/comment.ts'
import { mergePull } from '../pulls/merge.ts'
import { editPull, type PullEdit } from '../pulls/open.ts'
import { refusal } from '../refusal.ts'
import { numberOf, type PullParams } from '../rest/routes.ts'
import type { Room } from '../room.ts'
import { browserCaller } from './session.ts'

const merging = z.object({ method: z.enum(MERGE_METHODS), sha: z.string() })
const saying = z.object({ body: z.string().trim().min(1).max(65_536) })
const where = z.object({
  path: z.string(),
  where: z.string().regex(/^(LEFT|RIGHT):[1-9]\d{0,8}$/),
})

const EDITS: Readonly<Record<string, PullEdit>> = {
  close: { state: 'closed' },
  reopen: { state: 'open' },
  ready: { draft: false },
  draft: { draft: true },
}

const formAs = <T>(schema: z.ZodType<T>, request: FastifyRequest): T => {
  const result = schema.safeParse(request.body ?? {})
  if (result.success) return result.data
  throw refusal(422, 'The form is not filled in as it should be.')
}

export const pullActions = (pages: FastifyInstance, room: Room): void => {
  const path = '/:owner/:repo/pull/:number'

  const open = async (request: FastifyRequest, permission: PermissionName, wanted: Access) => {
    const caller = await browserCaller(room, request)
    const params = request.params as PullParams
    const repository = await openRepository(room, caller, params, permission, wanted)
    const number = numberOf(params)
    const here = `/${fullName(repository)}/pull/${number}`
    return { repository, number, person: actorOf(caller), here }
  }

  pages.post(`${path}/merge`, async (request, reply) => {
    const { repository, number, person, here } = await open(request, 'contents', 'write')
    const asked = formAs(merging, request)
    await mergePull(room, repository, number, person, asked)
    return reply.redirect(here, 303)
  })

  for (const [name, edit] of Object.entries(EDITS)) {
    pages.post(`${path}/${name}`, async (request, reply) => {
      const { repository, number, person, here } = await open(request, 'pull_requests', 'write')
      await editPull(room, repository, number, person, edit)
      return reply.redirect(here, 303)
    })
  }

  pages.post(`${path}/comments`, async (request, reply) => {
    const { repository, number, person, here } = await open(request, 'issues', 'read')
    const { comment } = await addComment(room, repository, number, person, formAs(saying, request))
    return reply.redirect(`${here}#issuecomment-${comment.id}`, 303)
  })

  pages.post(`${path}/review-comments`, async (request, reply) => {
    const { repository, number, person, here } = await open(request, 'pull_requests', 'read')
    const { body } = formAs(saying, request)
    const at = formAs(where, request)
    const [side, line] = at.where.split(':')
    const { comment } = await addComment(room, repository, number, person, {
      body,
      on: { path: at.path, side: side === 'LEFT' ? 'LEFT' : 'RIGHT', line: Number(line) },
    })
    return reply.redirect(`${here}#discussion_r${comment.id}`, 303)
  })
}
