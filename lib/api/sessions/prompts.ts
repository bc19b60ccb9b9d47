/** `POST /sessions/:id/prompt` and `…/stop` (spec 3.7). */

import { v7 } from 'uuid'
import { z } from 'zod'
import { attachment, PROMPT_SOURCES, requestId, WIRE_TEXT_MAX } from '../../../subjects/commands.ts'
import { requestCommand } from '../../bus/command.ts'
import { accepted } from '../answer-error.ts'
import { actorOf } from '../callers/caller.ts'
import { sessionParams } from '../query.ts'
import type { Resource } from '../room.ts'

const NEEDS_CONTENT = 'content is required'

const newPrompt = z.object(
  {
    content: z
      .string({ error: NEEDS_CONTENT })
      .min(1, { error: NEEDS_CONTENT })
      .max(WIRE_TEXT_MAX, { error: `content is longer than ${WIRE_TEXT_MAX} characters` }),
    authorId: z.string().max(256).nullish(),
    source: z.enum(PROMPT_SOURCES, { error: 'Invalid source' }).nullish(),
    model: z.string().min(1).max(128).nullish(),
    reasoningEffort: z.string().max(32).nullish(),
    attachments: z.array(attachment).max(6).nullish(),
    callbackContext: z.record(z.string(), z.unknown()).nullish(),
    /** Makes a repetition safe: the same id is the same prompt. */
    clientRequestId: requestId.nullish(),
  },
  { error: NEEDS_CONTENT },
)

const stopRequest = z
  .object({ messageId: z.string().max(128).nullish(), clientRequestId: requestId.nullish() })
  .nullish()

const queued = z.object({
  messageId: z.string().optional(),
  status: z.literal('queued'),
  /** Among the unfinished ones, itself included: 1 is next. */
  position: z.int().nullable(),
})

export const prompts: Resource = (app, { bus }) => {
  const params = sessionParams

  const queue = {
    summary: 'Puts a prompt into the queue',
    params,
    body: newPrompt,
    response: { 200: queued },
    refusals: [
      'INVALID_PROMPT',
      'SESSION_NOT_PROMPTABLE',
      'PROMPT_QUEUE_FULL',
      'PROMPT_REQUEST_CONFLICT',
    ] as const,
  }
  app.post('/sessions/:id/prompt', { schema: queue }, async request => {
    const { body, caller } = request
    const author = actorOf(caller, { userId: body.authorId }, 'anonymous')
    const { userId, ...known } = author
    const answer = await requestCommand(
      bus,
      request.params.id,
      {
        v: 1,
        type: 'prompt',
        clientRequestId: body.clientRequestId ?? v7(),
        content: body.content,
        authorId: userId,
        // A person's prompt comes from the page, whatever the body says.
        source: caller.kind === 'person' ? 'web' : (body.source ?? 'web'),
        model: body.model ?? null,
        reasoningEffort: body.reasoningEffort ?? null,
        attachments: body.attachments ?? null,
        callbackContext: caller.kind === 'person' ? null : (body.callbackContext ?? null),
        author: caller.kind === 'person' ? known : null,
      },
      { traceId: request.traceId },
    )
    const { messageId, position } = accepted(answer.reply)
    return { messageId, status: 'queued' as const, position: position ?? null }
  })

  const end = {
    summary: 'Stops what runs',
    params,
    body: stopRequest,
    response: { 200: z.object({ status: z.literal('stopping') }) },
  }
  app.post('/sessions/:id/stop', { schema: end }, async request => {
    const { body, caller } = request
    const answer = await requestCommand(
      bus,
      request.params.id,
      {
        v: 1,
        type: 'stop',
        clientRequestId: body?.clientRequestId ?? v7(),
        messageId: body?.messageId ?? null,
        userId: caller.kind === 'person' ? caller.who.userId : null,
      },
      { traceId: request.traceId },
    )
    accepted(answer.reply)
    return { status: 'stopping' as const }
  })
}
