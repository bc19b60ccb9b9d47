/** `GET /sessions/:id/artifacts`: what came out of the session, newest first. */
import { ask } from '../bus/ask.ts'
import { sessionParams } from './query.ts'
import type { Resource } from './room.ts'

export const artifacts: Resource = (app, { bus }) => {
  const schema = { params: sessionParams }
  app.get('/sessions/:id/artifacts', { schema }, async request => {
    const answer = await ask(bus, { v: 1, type: 'artifacts', sid: request.params.id })
    return { artifacts: answer.artifacts }
  })
}
