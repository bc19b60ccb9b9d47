/**
 * `POST /sessions/:id/archive`, `…/unarchive` and `…/cancel`: for the session's owner, the developer,
 * and a service that names somebody who takes part (lib/session/rights).
 */
import { z } from 'zod'
import { requestId } from '../../../subjects/commands.ts'
import { actorOf, authorityOf } from '../callers/caller.ts'
import { sessionParams } from '../query.ts'
import { decided, requestIdOf } from '../request.ts'
import type { Resource } from '../room.ts'

const by = z
  .object({ userId: z.string().max(256).nullish(), clientRequestId: requestId.nullish() })
  .nullish()

const ROUTES = [
  {
    path: 'archive',
    type: 'archive_session',
    status: 'archived',
    summary: 'Puts a session away',
    refusals: ['SESSION_BUSY', 'SESSION_NOT_PROMPTABLE'],
  },
  {
    path: 'unarchive',
    type: 'unarchive_session',
    status: 'active',
    summary: 'Brings a session back',
    refusals: ['NOT_ARCHIVED'],
  },
  {
    path: 'cancel',
    type: 'cancel_session',
    status: 'cancelled',
    summary: 'Calls a session off: whatever is unfinished fails, and nothing more is taken',
    refusals: ['SESSION_NOT_CANCELLABLE'],
  },
] as const

export const archive: Resource = (app, { bus }) => {
  for (const { path, type, status, summary, refusals } of ROUTES) {
    const schema = {
      summary,
      params: sessionParams,
      body: by,
      response: { 200: z.object({ status: z.literal(status) }) },
      refusals: ['FORBIDDEN', 'NOT_A_PARTICIPANT', ...refusals] as const,
    }
    app.post(`/sessions/:id/${path}`, { schema }, async request => {
      const { body, caller, params } = request
      await decided(bus, request, params.id, {
        v: 1,
        type,
        clientRequestId: requestIdOf(body?.clientRequestId),
        userId: actorOf(caller, body ?? {}).userId,
        authority: authorityOf(caller),
      })
      return { status }
    })
  }
}
