/** `POST /sessions/:id/archive` and `…/unarchive`: only somebody who takes part may. */
import { z } from 'zod'
import { requestId } from '../../subjects/commands.ts'
import { actorOf } from './caller.ts'
import { sessionParams } from './query.ts'
import { decided, requestIdOf } from './request.ts'
import type { Resource } from './room.ts'

const by = z
  .object({ userId: z.string().max(256).nullish(), clientRequestId: requestId.nullish() })
  .nullish()

const ROUTES = [
  { path: 'archive', type: 'archive_session', status: 'archived' },
  { path: 'unarchive', type: 'unarchive_session', status: 'active' },
] as const

export const archive: Resource = (app, { bus }) => {
  for (const { path, type, status } of ROUTES) {
    const schema = {
      summary: path === 'archive' ? 'Puts a session away' : 'Brings a session back',
      params: sessionParams,
      body: by,
      response: { 200: z.object({ status: z.literal(status) }) },
    }
    app.post(`/sessions/:id/${path}`, { schema }, async request => {
      const { body, caller, params } = request
      await decided(bus, request, params.id, {
        v: 1,
        type,
        clientRequestId: requestIdOf(body?.clientRequestId),
        userId: actorOf(caller, body ?? {}).userId,
      })
      return { status }
    })
  }
}
