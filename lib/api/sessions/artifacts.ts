/** `GET /sessions/:id/artifacts`: what came out of the session, newest first. */
import { z } from 'zod'
import { artifact } from '../../../subjects/frames-server.ts'
import { ask } from '../../bus/ask.ts'
import { sessionParams } from '../query.ts'
import type { Resource } from '../room.ts'

export const artifacts: Resource = (app, { bus }) => {
  const schema = {
    summary: 'What came out of the session, newest first',
    params: sessionParams,
    response: { 200: z.object({ artifacts: z.array(artifact) }) },
  }
  app.get('/sessions/:id/artifacts', { schema }, async request => {
    const answer = await ask(bus, { v: 1, type: 'artifacts', sid: request.params.id })
    return { artifacts: answer.artifacts }
  })
}
