/** `GET /sessions/:id/events` (spec 3.8): the stored timeline, newest first. */
import { z } from 'zod'
import { eventRow } from '../../../subjects/asks.ts'
import { knownSandboxEvent, RESERVED_EVENT_TYPES } from '../../../subjects/sandbox-event.ts'
import { ask } from '../../bus/ask.ts'
import { one, pageLimit, sessionParams } from '../query.ts'
import type { Resource } from '../room.ts'

const TYPES: ReadonlySet<unknown> = new Set([
  ...knownSandboxEvent.options.map(option => option.shape.type.value),
  ...RESERVED_EVENT_TYPES,
])

const query = z.object({
  limit: pageLimit(50, 200),
  cursor: one('cursor'),
  type: z
    .string()
    .refine(type => TYPES.has(type), { error: issue => `Invalid event type: ${issue.input}` })
    .optional(),
  message_id: one('message_id'),
})

const page = z.object({
  events: z.array(eventRow),
  cursor: z.string().optional(),
  hasMore: z.boolean(),
})

export const events: Resource = (app, { bus }) => {
  const schema = {
    summary: 'The stored timeline, newest first',
    params: sessionParams,
    querystring: query,
    response: { 200: page },
    refusals: ['INVALID_CURSOR'] as const,
  }
  app.get('/sessions/:id/events', { schema }, async request => {
    const { limit, cursor, type, message_id } = request.query
    const answer = await ask(bus, {
      v: 1,
      type: 'events',
      sid: request.params.id,
      limit,
      cursor: cursor ?? null,
      eventType: type ?? null,
      messageId: message_id ?? null,
    })
    return { events: answer.events, cursor: answer.cursor ?? undefined, hasMore: answer.hasMore }
  })
}
