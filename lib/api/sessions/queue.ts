/**
 * `/sessions/:id/queue`: the prompts that wait, as something that people and programs change together.
 * A change names the version of the queue that its sender saw; a stale one is refused with the present.
 */
import { z } from 'zod'
import { requestId, WIRE_TEXT_MAX } from '../../../subjects/commands.ts'
import { queuedPrompt } from '../../../subjects/frames-server.ts'
import { ask } from '../../bus/ask.ts'
import { actorOf } from '../callers/caller.ts'
import { promptParams, sessionParams } from '../query.ts'
import { decided, requestIdOf } from '../request.ts'
import type { Resource } from '../room.ts'

const NOT_ONE = 'Exactly one of content and before is required'
const by = {
  userId: z.string().max(256).nullish(),
  /** Makes a repetition safe: the same id is the same request. */
  clientRequestId: requestId.nullish(),
}
const asking = z.strictObject(by).nullish()
const change = z
  .strictObject({
    ...by,
    version: z.int({ error: 'version is required' }).nonnegative(),
    content: z.string().min(1, { error: 'content is empty' }).max(WIRE_TEXT_MAX).optional(),
    /** The waiting prompt before which it is to stand; null for the end. */
    before: z.string().max(128).nullable().optional(),
  })
  .refine(body => (body.content === undefined) !== (body.before === undefined), { error: NOT_ONE })

const changed = z.object({ status: z.string(), version: z.int() })
const shown = z.object({ promptQueue: z.array(queuedPrompt), version: z.int(), held: z.boolean() })

export const queue: Resource = (app, { bus }) => {
  const whole = {
    summary: 'The unfinished prompts',
    params: sessionParams,
    response: { 200: shown },
  }
  app.get('/sessions/:id/queue', { schema: whole }, async request => {
    const { snapshot } = await ask(bus, { v: 1, type: 'snapshot', sid: request.params.id })
    const { promptQueue, version, held } = snapshot
    return { promptQueue, version, held }
  })

  const edit = {
    summary: 'Edits a waiting prompt, or moves it',
    params: promptParams,
    body: change,
    response: { 200: changed },
    refusals: [
      'INVALID_PROMPT',
      'PROMPT_NOT_EDITABLE',
      'PROMPT_NOT_FOUND',
      'QUEUE_VERSION_CONFLICT',
    ] as const,
  }
  app.patch('/sessions/:id/queue/:messageId', { schema: edit }, async request => {
    const { body, caller, params } = request
    const { version, content, before } = body
    const about = {
      v: 1,
      clientRequestId: requestIdOf(body.clientRequestId),
      userId: actorOf(caller, body, 'anonymous').userId,
      messageId: params.messageId,
      version,
    } as const
    const reply = await decided(
      bus,
      request,
      params.id,
      content === undefined
        ? { ...about, type: 'move_prompt', before: before ?? null }
        : { ...about, type: 'edit_prompt', content },
    )
    return { status: content === undefined ? 'moved' : 'edited', version: reply.version ?? 0 }
  })

  const cancel = {
    summary: 'Takes a waiting prompt out',
    params: promptParams,
    body: asking,
    response: { 200: changed },
    refusals: ['PROMPT_NOT_CANCELLABLE', 'PROMPT_NOT_FOUND'] as const,
  }
  app.delete('/sessions/:id/queue/:messageId', { schema: cancel }, async request => {
    const { body, caller, params } = request
    const reply = await decided(bus, request, params.id, {
      v: 1,
      type: 'cancel_prompt',
      clientRequestId: requestIdOf(body?.clientRequestId),
      userId: actorOf(caller, body ?? {}, 'anonymous').userId,
      messageId: params.messageId,
    })
    return { status: 'cancelled', version: reply.version ?? 0 }
  })

  for (const { path, type, status, summary } of [
    {
      path: 'hold',
      type: 'hold_queue',
      status: 'held',
      summary: 'Starts no prompt until released',
    },
    { path: 'release', type: 'release_queue', status: 'released', summary: 'Goes on after a hold' },
  ] as const) {
    const schema = {
      summary,
      params: sessionParams,
      body: asking,
      response: { 200: changed },
      refusals: ['SESSION_NOT_PROMPTABLE'] as const,
    }
    app.post(`/sessions/:id/queue/${path}`, { schema }, async request => {
      const { body, caller, params } = request
      const reply = await decided(bus, request, params.id, {
        v: 1,
        type,
        clientRequestId: requestIdOf(body?.clientRequestId),
        userId: actorOf(caller, body ?? {}, 'anonymous').userId,
      })
      return { status, version: reply.version ?? 0 }
    })
  }
}
