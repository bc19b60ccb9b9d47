/**
 * `POST /sessions/:id/scm-credentials`: what git in a sandbox needs for the moment (spec 6.4). A sandbox
 * holds no token of the git host; its credential helper asks here, with the sandbox's own.
 */
import { z } from 'zod'
import { askGithub } from '../../bus/ask-github.ts'
import { sandboxOf } from '../callers/sandbox-caller.ts'
import { sessionParams } from '../query.ts'
import type { Room } from '../room.ts'
import type { App } from '../zod-validation.ts'

export const scmCredentials = (app: App, room: Room): void => {
  const schema = {
    summary: 'A short-lived token for git, for the repository of the session alone',
    params: sessionParams,
    security: [{ sandbox: [] }],
    refusals: [
      'SANDBOX_TOKEN_INVALID',
      'GITHUB_NOT_CONFIGURED',
      'GITHUB_UNAVAILABLE',
      'REPOSITORY_NOT_INSTALLED',
    ] as const,
    response: {
      200: z.object({
        username: z.string(),
        password: z.string(),
        expires_at_epoch_ms: z.number(),
      }),
    },
  }
  app.post('/sessions/:id/scm-credentials', { schema }, async (request, reply) => {
    const { session } = await sandboxOf(request, room, request.params.id)
    const { username, password, expiresAtMs } = await askGithub(room.bus, {
      v: 1,
      type: 'credentials',
      owner: session.repoOwner,
      name: session.repoName,
      access: 'write',
    })
    reply.header('cache-control', 'no-store')
    return { username, password, expires_at_epoch_ms: expiresAtMs }
  })
}
