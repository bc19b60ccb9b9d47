/** `GET /sessions/:id/participants`: who has joined, in the order of joining. */
import { ask } from '../bus/ask.ts'
import { sessionParams } from './query.ts'
import type { Resource } from './room.ts'

export const participants: Resource = (app, { bus }) => {
  const schema = { params: sessionParams }
  app.get('/sessions/:id/participants', { schema }, async request => {
    const answer = await ask(bus, { v: 1, type: 'participants', sid: request.params.id })
    return { participants: answer.participants }
  })
}
