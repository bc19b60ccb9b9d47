/** `POST /sessions` (spec 3.5). Nothing but the session's owner process decides whether it exists. */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { fail } from '../../../subjects/errors.ts'
import { sha256Hex } from '../../auth/hash.ts'
import { requestCommand } from '../../bus/command.ts'
import { accepted } from '../answer-error.ts'
import { actorOf, type Caller } from '../callers/caller.ts'
import { handedToken, scmTokenOf } from '../callers/scm-token.ts'
import { requireRepository } from '../require-repository.ts'
import type { Resource } from '../room.ts'

const NEEDS_REPOSITORY = 'repoOwner and repoName are required'
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const repositoryPart = z.string({ error: NEEDS_REPOSITORY }).min(1, { error: NEEDS_REPOSITORY })

const newSession = z.object(
  {
    repoOwner: repositoryPart.regex(NAME, { error: 'Invalid repoOwner' }),
    repoName: repositoryPart.regex(NAME, { error: 'Invalid repoName' }),
    title: z.string().max(200).nullish(),
    baseBranch: z
      .string()
      .max(255)
      .regex(/^[\w.\-/]+$/, { error: 'Invalid baseBranch' })
      .nullish(),
    model: z.string().max(128).nullish(),
    reasoningEffort: z.string().max(32).nullish(),
    userId: z.string().max(256).nullish(),
    githubLogin: z.string().max(256).nullish(),
    githubName: z.string().max(256).nullish(),
    githubEmail: z.string().max(320).nullish(),
    githubUserId: z.string().max(64).nullish(),
    ...handedToken,
  },
  { error: NEEDS_REPOSITORY },
)

/** @throws `INVALID_REQUEST` for a key that is empty or longer than 256 characters */
const idempotencyKey = (given: string | string[] | undefined): string | undefined => {
  if (given === undefined) return undefined
  if (typeof given === 'string' && given.length >= 1 && given.length <= 256) return given
  throw fail('INVALID_REQUEST', { message: 'Invalid Idempotency-Key' })
}

/** A model without a provider is one of Anthropic's. */
const modelOf = (given: string | null | undefined, byDefault: string): string => {
  if (!given?.trim()) return byDefault
  return given.includes('/') ? given : `anthropic/${given}`
}

/** 32 hex digits: random, or the same for the same caller and key. */
const publicId = (caller: Caller, key: string | undefined): string => {
  if (key === undefined) return randomBytes(16).toString('hex')
  const whose = caller.kind === 'person' ? `person:${caller.who.userId}` : 'service'
  return sha256Hex(`session:${whose}:${key}`).slice(0, 32)
}

export const createSession: Resource = (app, room) => {
  const { bus, config, index } = room
  const schema = {
    summary: 'Opens a session on a repository',
    body: newSession,
    response: { 201: z.object({ sessionId: z.string(), status: z.literal('created') }) },
    refusals: [
      'REQUEST_CONFLICT',
      'REPOSITORY_NOT_INSTALLED',
      'REPOSITORY_NOT_YOURS',
      'REPOSITORIES_UNAVAILABLE',
      'SIGN_IN_AGAIN',
      'GITHUB_UNAVAILABLE',
      'NO_OWNER',
      'BUS_UNAVAILABLE',
      'STREAM_FULL',
    ] as const,
  }
  app.post('/sessions', { schema }, async (request, reply) => {
    const { body, caller } = request
    const id = publicId(caller, idempotencyKey(request.headers['idempotency-key']))
    const actor = actorOf(caller, body, 'anonymous')
    const scmToken = caller.kind === 'service' ? scmTokenOf(room, body) : undefined
    const repository = await requireRepository(room, body, actor.userId, scmToken)
    const answer = await requestCommand(
      bus,
      id,
      {
        v: 1,
        type: 'create_session',
        // The owner compares what is asked for: another session under the same key is a conflict.
        clientRequestId: 'create',
        title: body.title ?? null,
        repoOwner: body.repoOwner.toLowerCase(),
        repoName: body.repoName.toLowerCase(),
        baseBranch: body.baseBranch ?? repository?.defaultBranch ?? null,
        model: modelOf(body.model, config.defaultModel),
        reasoningEffort: body.reasoningEffort ?? null,
        owner: { ...actor, ...(scmToken ? { scmToken } : {}) },
      },
      { traceId: request.traceId },
    )
    accepted(answer.reply)
    await index.seen(id)
    return reply.code(201).send({ sessionId: id, status: 'created' as const })
  })
}
