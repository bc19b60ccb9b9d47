/**
 * GitHub, as far as one repository goes: its pull requests, its branches, and the webhook deliveries of an
 * App. It is the outside world, so nothing kills it; but now and then it is unwell, or its answer is lost
 * on the way after it has done what was asked.
 */
import { randomUUID } from 'node:crypto'
import fastify, { type FastifyReply } from 'fastify'
import type { Random } from './random.ts'

export const REPOSITORY = { id: 5, name: 'hello', full_name: 'demo/hello' }
/** Whose comments are prompts. */
export const COMMENTER = { id: 42, login: 'alice', type: 'User' }

const REPO = '/repos/demo/hello'
const ONE_IN_SO_MANY = { unwell: 12, lost: 8 }
/** A page of GitHub's list of deliveries. */
/** In one page: all of a run. */
const DELIVERIES_SHOWN = 10_000

export type Pull = {
  readonly number: number
  /** Its title when it was opened: names the request. */
  readonly openedAs: string
  readonly head: string
  readonly base: string
  title: string
  body: string
  state: 'open' | 'closed'
  merged: boolean
  /** GitHub tells whole seconds; here no two changes share one. */
  updatedAtMs: number
}

export type Delivery = {
  readonly guid: string
  readonly event: string
  readonly body: string
  readonly attempts: { readonly id: number; readonly atMs: number; readonly status: number }[]
}

export type GitHost = {
  readonly url: string
  readonly pulls: readonly Pull[]
  readonly deliveries: readonly Delivery[]
  /** How often somebody asked for a delivery to be sent again. */
  readonly askedAgain: () => number
  /** The commit at which a branch stands. */
  readonly headOf: (branch: string) => string | undefined
  /** What people and their programs do there. */
  readonly push: (branch: string) => void
  readonly comment: (number: number, body: string) => Delivery
  readonly retitle: (number: number, title: string) => void
  readonly close: (number: number, merged: boolean) => void
  /** Is to send a delivery: a new one, or one that was asked for again. */
  onDelivery: (delivery: Delivery) => void
  /** Notes how a sending ended, with the status of the answer. */
  readonly attempted: (delivery: Delivery, status: number) => void
}

type Test = { teardown(end: () => void | Promise<void>): unknown }
type Asked = Record<string, string>

export const openGitHost = async (t: Test, random: Random): Promise<GitHost> => {
  const pulls: Pull[] = []
  const deliveries: Delivery[] = []
  const heads = new Map<string, string>()
  const app = fastify({ forceCloseConnections: true })
  let seconds = Date.parse('2026-05-01T12:00:00Z') / 1000
  let ids = 0
  let askedAgain = 0

  const nextMs = () => ++seconds * 1000
  const tell = (event: string, payload: object): Delivery => {
    const whole = { repository: REPOSITORY, sender: COMMENTER, ...payload }
    const delivery = { guid: randomUUID(), event, body: JSON.stringify(whole), attempts: [] }
    deliveries.push(delivery)
    host.onDelivery(delivery)
    return delivery
  }
  const shown = ({ number, title, body, state, merged, updatedAtMs, head, base }: Pull) => {
    const repo = { id: REPOSITORY.id }
    const updated_at = new Date(updatedAtMs).toISOString()
    return {
      number,
      html_url: `${host.url}/demo/hello/pull/${number}`,
      title,
      body,
      state,
      draft: false,
      merged,
      merged_at: merged ? updated_at : null,
      updated_at,
      head: { ref: head, sha: heads.get(head) ?? '', repo },
      base: { ref: base, repo },
    }
  }
  const change = (number: number, action: string, to: Partial<Pull>): Pull | undefined => {
    const pull = pulls[number - 1]
    if (!pull || pull.merged) return undefined
    Object.assign(pull, to, { updatedAtMs: nextMs() })
    tell('pull_request', { action, pull_request: shown(pull) })
    return pull
  }
  const happens = (oneIn: number) => random.between(1, oneIn) === 1
  const answer = (reply: FastifyReply, status: number, body: object) =>
    happens(ONE_IN_SO_MANY.lost) ? reply.raw.destroy() : reply.code(status).send(body)

  app.addHook('onRequest', async ({ url }, reply) => {
    if (url.startsWith(REPO) && happens(ONE_IN_SO_MANY.unwell))
      return reply.code(502).send({ message: 'Bad Gateway' })
  })
  app.post('/app/installations/8/access_tokens', (_request, reply) =>
    reply.code(201).send({ token: 'ghs_app', expires_at: '2100-01-01T00:00:00Z', permissions: {} }),
  )
  app.get('/installation/repositories', async () => ({
    total_count: 1,
    repositories: [
      {
        ...REPOSITORY,
        owner: { login: 'demo' },
        description: null,
        private: false,
        default_branch: 'main',
        archived: false,
      },
    ],
  }))
  app.get<{ Params: Asked }>(`${REPO}/branches/:branch`, (request, reply) => {
    const { branch: name = '' } = request.params
    const sha = heads.get(name)
    return sha ? reply.send({ name, commit: { sha } }) : reply.code(404).send({ message: 'None' })
  })
  app.get<{ Querystring: Asked }>(`${REPO}/pulls`, async ({ query }) =>
    pulls
      .filter(one => [one.state, 'all'].includes(query.state ?? 'open'))
      .filter(one => `demo:${one.head}` === query.head)
      .map(shown),
  )
  app.post<{ Body: Asked }>(`${REPO}/pulls`, (request, reply) => {
    const { title = '', body = '', head = '', base = '' } = request.body
    if (pulls.some(one => one.state === 'open' && one.head === head)) {
      return reply.code(422).send({ message: 'Validation Failed: there is one already' })
    }
    const number = pulls.length + 1
    const pull: Pull = {
      number,
      openedAs: title,
      head,
      base,
      title,
      body,
      state: 'open',
      merged: false,
      updatedAtMs: nextMs(),
    }
    pulls.push(pull)
    tell('pull_request', { action: 'opened', pull_request: shown(pull) })
    return answer(reply, 201, shown(pull))
  })
  app.patch<{ Params: Asked; Body: Asked }>(`${REPO}/pulls/:number`, (request, reply) => {
    const { title = '', body = '' } = request.body
    const number = Number(request.params.number)
    const pull = change(number, 'edited', { title, body }) ?? pulls[number - 1]
    return pull ? answer(reply, 200, shown(pull)) : reply.code(404).send({ message: 'None' })
  })
  app.get('/app/hook/deliveries', async () =>
    deliveries
      .flatMap(({ guid, attempts }) => attempts.map(one => ({ guid, ...one })))
      .toSorted((a, b) => b.id - a.id)
      .slice(0, DELIVERIES_SHOWN)
      .map(({ id, guid, atMs, status }) => ({
        id,
        guid,
        delivered_at: new Date(atMs).toISOString(),
        status_code: status,
      })),
  )
  app.post<{ Params: Asked }>('/app/hook/deliveries/:id/attempts', (request, reply) => {
    const id = Number(request.params.id)
    const delivery = deliveries.find(({ attempts }) => attempts.some(one => one.id === id))
    if (!delivery) return reply.code(404).send({ message: 'None' })
    askedAgain++
    host.onDelivery(delivery)
    return reply.code(202).send({})
  })

  const host: GitHost = {
    url: await app.listen({ host: '127.0.0.1', port: 0 }),
    pulls,
    deliveries,
    askedAgain: () => askedAgain,
    headOf: branch => heads.get(branch),
    push: branch => {
      const after = randomUUID().replaceAll('-', '')
      heads.set(branch, after)
      tell('push', { ref: `refs/heads/${branch}`, after })
    },
    comment: (number, body) =>
      tell('issue_comment', {
        action: 'created',
        issue: { number, title: pulls[number - 1]?.title, pull_request: {} },
        comment: { id: ++ids, body, html_url: `${host.url}/c/${ids}`, user: COMMENTER },
      }),
    retitle: (number, title) => void change(number, 'edited', { title }),
    close: (number, merged) => void change(number, 'closed', { state: 'closed', merged }),
    onDelivery: () => {},
    attempted: ({ attempts }, status) =>
      void attempts.push({ id: ++ids, atMs: Date.now(), status }),
  }
  t.teardown(() => app.close())
  return host
}
