/**
 * `POST /sessions/:id/pr` and `DELETE …/pr` (spec 6.4). A sandbox asks with its own token for the author
 * of the prompt that it runs; a person, or a service for one, asks for that person. The answer waits for
 * what comes of it; who hangs up takes nothing back, and asks again under the same `Idempotency-Key`.
 */
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { requestId } from '../../../subjects/commands.ts'
import { ERRORS, type ErrorCode, fail } from '../../../subjects/errors.ts'
import { pullRequestState } from '../../../subjects/github.ts'
import type { PullRequestOutcome } from '../../../subjects/records.ts'
import { actorOf, callerOf } from '../callers/caller.ts'
import { sandboxOf, seemsSandbox } from '../callers/sandbox-caller.ts'
import { sessionParams } from '../query.ts'
import { decided, requestIdOf } from '../request.ts'
import type { Room } from '../room.ts'
import type { App } from '../zod-validation.ts'
import { pullRequestOutcome } from './pull-request-outcome.ts'

const NEEDED = 'title and body are required'
const words = (most: number) =>
  z.string({ error: NEEDED }).trim().min(1, { error: NEEDED }).max(most)
const claim = {
  /** Only of a service's request: for whom it is opened. */
  userId: z.string().max(256).nullish(),
  githubLogin: z.string().max(256).nullish(),
  githubName: z.string().max(256).nullish(),
  githubEmail: z.string().max(320).nullish(),
  githubUserId: z.string().max(64).nullish(),
}
const wanted = z.object(
  {
    title: words(256),
    body: words(65_536),
    baseBranch: z.string().max(255).nullish(),
    headBranch: z.string().max(255).nullish(),
    draft: z.boolean().nullish(),
    ...claim,
    /** As the header `Idempotency-Key`: the same id is the same request, and has the same outcome. */
    clientRequestId: requestId.nullish(),
  },
  { error: NEEDED },
)

const opened = z.object({
  prNumber: z.int(),
  prUrl: z.string(),
  state: pullRequestState,
  headBranch: z.string(),
  baseBranch: z.string(),
  updated: z.boolean(),
})
const byHand = z.object({
  status: z.literal('manual'),
  createPrUrl: z.string(),
  headBranch: z.string(),
  baseBranch: z.string(),
})

/** Longer than the session itself waits for either half, so that its own verdict is what is told. */
const SLACK_MS = 30_000

/** @throws what came of it, when nothing did */
const shown = (outcome: PullRequestOutcome) => {
  switch (outcome.status) {
    case 'opened': {
      const { number, url, state, headBranch, baseBranch, updated } = outcome
      return { prNumber: number, prUrl: url, state, headBranch, baseBranch, updated }
    }
    case 'manual': {
      const { url, headBranch, baseBranch } = outcome
      return { status: 'manual' as const, createPrUrl: url, headBranch, baseBranch }
    }
    case 'failed': {
      const code = outcome.code in ERRORS ? (outcome.code as ErrorCode) : 'PULL_REQUEST_FAILED'
      throw fail(code, { message: outcome.error })
    }
  }
}

type Claimed = { readonly [K in keyof typeof claim]?: string | null | undefined }

const openerOf = async (request: FastifyRequest, room: Room, sid: string, body: Claimed) => {
  if (seemsSandbox(request)) {
    const { generation } = await sandboxOf(request, room, sid)
    return { kind: 'sandbox', generation } as const
  }
  return { kind: 'user', ...actorOf(callerOf(request, room), body) } as const
}

const keyOf = (request: FastifyRequest, given: string | null | undefined): string => {
  const key = request.headers['idempotency-key']
  if (key === undefined) return requestIdOf(given)
  const parsed = requestId.safeParse(key)
  if (!parsed.success) throw fail('INVALID_REQUEST', { message: 'Invalid Idempotency-Key' })
  return parsed.data
}

export const pullRequests = (app: App, room: Room): void => {
  const { bus, config } = room
  const security = [{ sandbox: [] }, { service: [] }, { person: [] }]
  const create = {
    summary:
      'Pushes what the sandbox has and opens a pull request, or brings the open one up to date',
    params: sessionParams,
    body: wanted,
    security,
    refusals: [
      'INVALID_REQUEST',
      'NO_ACTIVE_PROMPT',
      'UNAUTHORIZED',
      'SANDBOX_TOKEN_INVALID',
      'NOT_A_PARTICIPANT',
      'SESSION_NOT_PROMPTABLE',
      'PULL_REQUEST_BUSY',
      'HEAD_BRANCH_CONFLICT',
      'PULL_REQUEST_CANCELLED',
      'PUSH_FAILED',
      'PULL_REQUEST_FAILED',
      'GITHUB_REFUSED',
      'REPOSITORY_NOT_INSTALLED',
      'NO_GIT_HOST',
    ] as const,
    response: { 200: z.union([opened, byHand]) },
  }
  app.post('/sessions/:id/pr', { schema: create }, async request => {
    const { body, params } = request
    const by = await openerOf(request, room, params.id, body)
    const reply = await decided(bus, request, params.id, {
      v: 1,
      type: 'create_pull_request',
      clientRequestId: keyOf(request, body.clientRequestId),
      by,
      title: body.title,
      body: body.body,
      baseBranch: body.baseBranch ?? null,
      headBranch: body.headBranch ?? null,
      draft: body.draft ?? null,
    })
    const withinMs = config.pushTimeoutMs + config.pullRequestTimeoutMs + SLACK_MS
    return shown(await pullRequestOutcome(bus, params.id, reply.requestId ?? '', withinMs))
  })

  const cancel = {
    summary: 'Gives up the request for a pull request whose branch is being pushed',
    params: sessionParams,
    body: z.object({ ...claim, requestId: requestId.nullish() }).nullish(),
    security,
    refusals: ['PULL_REQUEST_NOT_FOUND', 'PULL_REQUEST_BUSY', 'NOT_A_PARTICIPANT'] as const,
    response: { 200: z.object({ status: z.literal('cancelled') }) },
  }
  app.delete('/sessions/:id/pr', { schema: cancel }, async request => {
    const { body, params } = request
    await decided(bus, request, params.id, {
      v: 1,
      type: 'cancel_pull_request',
      clientRequestId: keyOf(request, null),
      by: await openerOf(request, room, params.id, body ?? {}),
      requestId: body?.requestId ?? null,
    })
    return { status: 'cancelled' as const }
  })
}
