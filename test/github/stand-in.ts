/** GitHub as a test wants it to be: for faults and counts that no real one makes to order. */
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'

type Test = { teardown(end: () => void | Promise<void>): unknown }
type Answer = (request: FastifyRequest, reply: FastifyReply) => unknown

export type StandIn = {
  readonly url: string
  /** `METHOD /path?query` of every call so far, in order. */
  readonly calls: string[]
  readonly countOf: (fits: RegExp) => number
  /** From now on this route answers so. */
  readonly on: (route: string, answer: Answer) => void
}

export const standIn = async (t: Test, routes: Record<string, Answer> = {}): Promise<StandIn> => {
  const answers = new Map(Object.entries(routes))
  const calls: string[] = []
  const app = fastify({ forceCloseConnections: true })
  app.all('/*', async (request, reply) => {
    calls.push(`${request.method} ${request.url}`)
    const path = request.url.split('?')[0] ?? ''
    const answer = answers.get(`${request.method} ${path}`)
    if (!answer) return reply.code(404).send({ message: 'Not Found' })
    return answer(request, reply)
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return {
    url,
    calls,
    countOf: fits => calls.filter(call => fits.test(call)).length,
    on: (route, answer) => void answers.set(route, answer),
  }
}
