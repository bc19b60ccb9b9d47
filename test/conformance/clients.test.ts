/** Conformance, what people see: points 1, 2, 3, 22 and 26 of the specification. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { serviceToken } from '../../lib/auth/service-token.ts'
import { subscribe } from '../fixtures/socket.ts'
import { event, eventually, of, refusal, startScene } from './scene.ts'

const UNKNOWN = '0'.repeat(32)

const AUTH_TIMEOUT_MS = 4_000
const scene = await startScene(t, {
  CLIENT_AUTH_TIMEOUT_MS: String(AUTH_TIMEOUT_MS),
  WS_TOKEN_TTL_MS: '5000',
})
const { system, call } = scene

t.test('1 create, connect, subscribe; unknown ids', async t => {
  const sid = await scene.session()
  t.match(sid, /^[0-9a-f]{32}$/)
  const client = await scene.client(t, sid)
  await client.until('presence_update')
  t.same(
    client.frames.slice(0, 3).map(frame => frame.type),
    ['subscribed', 'presence_sync', 'presence_update'],
  )
  t.match(client.subscribed, {
    sessionId: sid,
    session: { id: sid, repoOwner: 'demo', repoName: 'hello', status: 'created' },
    participant: { userId: 'alice' },
    timeline: { events: [], hasMore: false, cursor: null },
    promptQueue: [],
  })
  t.match(client.frames[1]?.participants, [{ userId: 'alice', status: 'active' }])

  for (const [method, path] of [
    ['GET', ''],
    ['GET', '/events'],
    ['GET', '/messages'],
    ['GET', '/participants'],
    ['GET', '/artifacts'],
    ['POST', '/prompt'],
    ['POST', '/stop'],
    ['POST', '/ws-token'],
  ] as const) {
    const body =
      method === 'POST' ? { content: 'x', userId: 'alice', authorId: 'alice' } : undefined
    const answer = await call(method, `/sessions/${UNKNOWN}${path}`, body)
    t.match(answer, { status: 404, body: { error: 'Session not found' } }, `${method} ${path}`)
  }
  t.equal(await refusal(scene.stranger(t, UNKNOWN)), 'refused 404: Session not found')
})

t.test('2 a socket that does not subscribe', async t => {
  const sid = await scene.session()
  const openedMs = performance.now()
  const silent = await scene.stranger(t, sid)
  const closedMs = silent.closed.then(() => performance.now())
  const client = await scene.client(t, sid)
  const sandbox = await scene.sandbox(t, sid)
  client.send({ type: 'prompt', content: 'secret', clientRequestId: 'r1' })
  const { messageId } = await sandbox.prompt(0)
  await client.until(event('user_message'))

  for (const frame of [
    { type: 'stop' },
    { type: 'typing' },
    { type: 'prompt', content: 'anonymous', clientRequestId: 'a' },
    { type: 'presence', status: 'idle' },
  ]) {
    const anonymous = await scene.stranger(t, sid)
    anonymous.send(frame)
    t.equal((await anonymous.closed).code, 4002, `${frame.type} ends it`)
    t.same(anonymous.frames, [], 'and is not answered')
  }
  t.match(await scene.messages(sid), [{ id: messageId, status: 'processing' }], 'no effect')

  silent.send({ type: 'ping' })
  await silent.until('pong')
  t.same(await silent.closed, { code: 4008, reason: 'Authentication timeout' })
  // Counted by another clock from a moment before: one millisecond for rounding.
  t.ok((await closedMs) - openedMs >= AUTH_TIMEOUT_MS - 1, 'not a moment before its time')
  t.same(
    silent.frames.map(frame => frame.type),
    ['pong'],
    'it saw nothing of the session',
  )
})

t.test('3 tokens: none, wrong, expired, and two tabs', async t => {
  const sid = await scene.session()
  const ends = async (token: string | undefined) => {
    const socket = await scene.stranger(t, sid)
    socket.send({ type: 'subscribe', token, clientId: 'c' })
    return socket.closed
  }
  const old = await system.wsToken(sid, 'alice')
  t.same(await ends(''), { code: 4001, reason: 'Authentication required' })
  t.same(await ends(undefined), { code: 4001, reason: 'Authentication required' })
  const wrong = randomBytes(32).toString('hex')
  t.same(await ends(wrong), { code: 4001, reason: 'Invalid authentication token' })
  const other = await scene.session()
  const foreign = await system.wsToken(other, 'alice')
  t.same(await ends(foreign), { code: 4001, reason: 'Invalid authentication token' })

  const one = await system.wsToken(sid, 'bob')
  const first = await subscribe(t, scene.edge(), { sid, token: one })
  const two = await system.wsToken(sid, 'bob')
  const second = await subscribe(t, scene.edge(), { sid, token: two })
  await Promise.all([first.close(), second.close()])
  for (const token of [one, two]) {
    const back = await subscribe(t, scene.edge(), { sid, token })
    t.match(back.subscribed, { participant: { userId: 'bob' } }, 'a tab comes back')
  }

  const attempt = async () => {
    const socket = await scene.stranger(t, sid)
    socket.send({ type: 'subscribe', token: old, clientId: 'c' })
    await Promise.race([socket.closed, socket.until('subscribed').catch(() => {})])
    if (socket.frames.length === 0) return socket.closed
    await socket.close()
    return null
  }
  t.same(await eventually(attempt, end => end !== null), { code: 4001, reason: 'Token expired' })
})

t.test('22 the window of the service token', async t => {
  const WINDOW_MS = 300_000
  /** What a token of this time gets, and what it must get: undefined when the edge passed meanwhile. */
  const ask = async (tsMs: number) => {
    const before = Date.now()
    const headers = { authorization: `Bearer ${serviceToken(system.secret, tsMs)}` }
    const { status, body } = await call('GET', '/sessions', undefined, { headers })
    const ages = [before - tsMs, Date.now() - tsMs]
    const inside = ages.map(age => Math.abs(age) <= WINDOW_MS)
    const must = inside[0] === inside[1] ? (inside[0] ? 200 : 401) : undefined
    return { status, body, must }
  }
  // Around both edges of the window, a millisecond apart, while the clock runs on.
  for (const edgeMs of [-WINDOW_MS, WINDOW_MS]) {
    const seen = new Set<number>()
    for (let k = -20; k <= 40; k++) {
      const { status, body, must } = await ask(Date.now() + edgeMs + k)
      if (must === undefined) continue
      if (status !== must) t.equal(status, must, `${edgeMs} + ${k}`)
      if (status === 401) t.match(body, { error: 'Unauthorized' })
      seen.add(status)
    }
    t.same([...seen].sort(), [200, 401], `both sides of ${edgeMs} were tried`)
  }
  const signed = serviceToken(system.secret, Date.now())
  for (const authorization of [
    '',
    'Bearer ',
    `Bearer ${signed}.x`,
    `Bearer ${signed.replace(/.$/, end => (end === '0' ? '1' : '0'))}`,
    `Bearer ${serviceToken('another secret', Date.now())}`,
    signed,
  ]) {
    const { status } = await call('GET', '/sessions', undefined, { headers: { authorization } })
    t.equal(status, 401, authorization.slice(0, 12))
  }
  t.equal((await fetch(`${system.apis[0]}/health`)).status, 200, 'which /health does not need')
})

t.test('26 a client on one edge, a sandbox on the other, whoever owns the session', async t => {
  const sid = await scene.session()
  const clients = await Promise.all(
    system.edges.map(async edge =>
      subscribe(t, edge, { sid, token: await system.wsToken(sid, 'alice') }),
    ),
  )
  const sandbox = await scene.sandbox(t, sid)
  for (const [i, client] of clients.entries()) {
    const known = clients.map(one => one.frames.length)
    client.send({ type: 'prompt', content: `from ${i}`, clientRequestId: `r${i}` })
    const { messageId } = await sandbox.prompt(i)
    sandbox.emit({ type: 'token', messageId, content: `text ${i}` })
    sandbox.complete(messageId)
    await Promise.all(
      clients.map(async (one, n) => {
        await one.until(event('execution_complete', { messageId, success: true }))
        // The last that happens of itself: it changes what the apis answer.
        await one.until(of('snapshot_saved'), known[n])
      }),
    )
  }
  const lines = clients.map(one => one.frames.filter(of('sandbox_event')).filter(f => f.sequence))
  for (const seen of lines) t.same(seen, lines[0], 'every edge shows the same')
  const shown = await Promise.all(
    system.apis.map(
      async (_, api) => (await call('GET', `/sessions/${sid}`, undefined, { api })).body,
    ),
  )
  for (const one of shown) t.same(one, shown[0], 'every api answers the same')
})
