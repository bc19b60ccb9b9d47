/** Webhooks as they come in (spec 6.5): checked, stored once, answered. */
import { createRequire } from 'node:module'
import t from 'tap'
import { githubDelivery } from '../../subjects/github.ts'
import { DLQ, HOOK } from '../../subjects/streams.ts'
import { followDone } from '../fixtures/awaiting.ts'
import { startBus } from '../fixtures/bus.ts'
import {
  appEnv,
  githubTestConfig,
  signatureOf,
  startApi,
  startGithub,
  WEBHOOK_SECRET,
} from '../fixtures/github.ts'

type Example = { readonly name: string; readonly examples: readonly object[] }
const EXAMPLES = createRequire(import.meta.url)('@octokit/webhooks-examples') as readonly Example[]

const { nats, bus } = await startBus(t)
const env = { ...appEnv(), GITHUB_API_URL: 'http://127.0.0.1:9' }
const config = await githubTestConfig(t, nats.url, env)
const api = await startApi(t, config)

type Options = { body: string; event?: string; id?: string; signature?: string; to?: string }
const send = async ({ body, event = 'ping', id = 'd-1', signature, to }: Options) => {
  const answer = await fetch(`${to ?? api.origin}/webhooks/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': event,
      'x-github-delivery': id,
      'x-hub-signature-256': signature ?? signatureOf(body),
    },
    body,
  })
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever comes
  return { status: answer.status, body: (await answer.json()) as any }
}
const done = await followDone(bus, HOOK)
const storedCount = async () => (await bus.jsm.streams.info(HOOK)).state.messages
const lastStored = async () => {
  const { state } = await bus.jsm.streams.info(HOOK)
  const message = await bus.jsm.streams.getMessage(HOOK, { seq: state.last_seq })
  return githubDelivery.parse(message?.json())
}

t.test('the signature', async t => {
  const body = '{"zen":"ok"}'
  const vector = 'sha256=2f699952c2a984b0b1c395407dd9a2cca9dccec77a6d328bd3ca78a87c111739'
  t.equal(WEBHOOK_SECRET, 'whsec')
  const good = await send({ body, signature: vector })
  t.strictSame(good, { status: 200, body: { status: 'ok', event: 'ping', deliveryId: 'd-1' } })
  const refused = { status: 401, body: { error: 'Invalid webhook signature' } }
  for (const signature of [
    vector.replace('2f', '3f'),
    vector.slice(0, -1),
    vector.slice('sha256='.length),
    `${vector} `.toUpperCase(),
    signatureOf(body, 'another secret'),
    '',
  ]) {
    t.match(await send({ body, signature }), refused, signature)
  }
  t.match(await send({ body: `${body} `, signature: vector }), refused, 'of the very bytes')
  t.match(await send({ body: '' }), refused)
  const bad = { status: 400, body: { error: 'Invalid JSON payload' } }
  t.match(await send({ body: '{"zen":' }), bad)
  t.match(await send({ body: '[1]' }), bad)
  t.match(await send({ body, id: '../../x' }), { status: 400 })
  const none = await startApi(t, await githubTestConfig(t, nats.url, { GIT_HOST: 'none' }))
  t.match(await send({ body, to: none.origin }), {
    status: 500,
    body: { error: 'Webhook secret not configured' },
  })
  t.equal(await storedCount(), 1, 'nothing but the good one is stored')
})

t.test('what is too large for the bus is cut to what is read', async t => {
  const filler = 'x'.repeat(9 * 1024 * 1024)
  const repository = { id: 5, full_name: 'demo/hello', description: filler }
  const push = { ref: 'refs/heads/x', after: 'abc', repository, commits: [{ message: filler }] }
  t.equal((await send({ body: JSON.stringify(push), event: 'push', id: 'large' })).status, 200)
  t.strictSame((await lastStored()).payload, {
    ref: 'refs/heads/x',
    after: 'abc',
    repository: { id: 5, full_name: 'demo/hello' },
  })
  const other = JSON.stringify({ action: 'created', filler })
  t.equal((await send({ body: other, event: 'star', id: 'large-2' })).status, 200)
  t.strictSame((await lastStored()).payload, {}, 'and to nothing where nothing is read')
  const tooLarge = await send({ body: JSON.stringify({ filler: 'x'.repeat(26 * 1024 * 1024) }) })
  t.equal(tooLarge.status, 413)
})

t.test("every example of GitHub's own is taken in, once, and breaks nothing", async t => {
  const all = EXAMPLES.flatMap(({ name, examples }) =>
    examples.map((example, n) => ({
      event: name,
      id: `${name}-${n}`,
      body: JSON.stringify(example),
    })),
  )
  const before = await storedCount()
  const statuses: number[] = []
  for (let i = 0; i < all.length; i += 20) {
    // Each one twice, at the same time.
    const some = all.slice(i, i + 20).flatMap(one => [one, one])
    statuses.push(...(await Promise.all(some.map(send))).map(({ status }) => status))
  }
  t.ok(all.length > 200, `${all.length} examples`)
  t.same(new Set(statuses), new Set([200]))
  t.equal((await storedCount()) - before, all.length)
  const github = await startGithub(t, config)
  await done()
  t.equal((await bus.jsm.streams.info(DLQ)).state.messages, 0, 'none is a dead letter')
  t.notMatch(github.lines.join(''), /of an unknown shape/, 'and each that is read is understood')
  t.notMatch(github.lines.join(''), /a webhook has to wait/)
})
