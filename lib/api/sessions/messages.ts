/** `GET /sessions/:id/messages` (spec 3.8): every prompt and what became of it, newest first. */
import { z } from 'zod'
import { messageRow } from '../../../subjects/asks.ts'
import { ask } from '../../bus/ask.ts'
import { one, pageLimit, sessionParams } from '../query.ts'
import type { Resource } from '../room.ts'

const STATUSES: readonly string[] = ['pending', 'processing', 'completed', 'failed']

const query = z.object({
  limit: pageLimit(50, 100),
  cursor: one('cursor'),
  status: z
    .string()
    .refine(status => STATUSES.includes(status), {
      error: issue => `Invalid message status: ${issue.input}`,
    })
    .optional(),
})

const page = z.object({
  messages: z.array(messageRow),
  cursor: z.string().optional(),
  hasMore: z.boolean(),
})

export const messages: Resource = (app, { bus }) => {
  const schema = {
    summary: 'The prompts, newest first',
    params: sessionParams,
    querystring: query,
    response: { 200: page },
    refusals: ['INVALID_CURSOR'] as const,
  }
  app.get('/sessions/:id/messages', { schema }, async request => {
    const { limit, cursor, status } = request.query
    const answer = await ask(bus, {
      v: 1,
      type: 'messages',
      sid: request.params.id,
      limit,
      cursor: cursor ?? null,
      status: status ?? null,
    })
    return {
      messages: answer.messages,
      cursor: answer.cursor ?? undefined,
      hasMore: answer.hasMore,
    }
  })
}
