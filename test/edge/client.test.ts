import t from 'tap'
import { publishCommand } from '../../lib/bus/command.ts'
import { type Edges, startEdges } from '../fixtures/edges.ts'
import { type Frame, openSocket, subscribe } from '../fixtures/socket.ts'

type Test = Parameters<typeof openSocket>[0]

const open = (t: Test, edges: Edges, sid: string, n = 0) =>
  openSocket(t, `${edges.url(n)}/sessions/${sid}/ws`)
const of =
  (type: string, more: object = {}) =>
  (frame: Frame) =>
    frame.type === type &&
    Object.entries(more).every(
      ([key, value]) => JSON.stringify(frame[key]) === JSON.stringify(value),
    )

t.test('before it has subscribed', async t => {
  const edges = await startEdges(t)
  const sid = await edges.createSession()
  const token = await edges.token(sid)

  await t.test('ping is answered with the time it is', async t => {
    const client = await open(t, edges, sid)
    const before = Date.now()
    client.send({ type: 'ping' })
    const { timestamp } = await client.until('pong')
    t.ok(timestamp >= before && timestamp <= Date.now())
  })

  for (const type of ['prompt', 'stop', 'typing', 'presence']) {
    await t.test(`${type} closes with 4002, and does nothing`, async t => {
      const client = await open(t, edges, sid)
      client.send({ type, content: 'x', status: 'active' })
      t.same(await client.closed, { code: 4002, reason: 'Session expired, please reconnect' })
      t.equal(await edges.newest(sid, 'prompt_queued'), undefined)
    })
  }

  await t.test('tokens', async t => {
    const closing = async (frame: object) => {
      const client = await open(t, edges, sid)
      client.send({ type: 'subscribe', clientId: 'c', ...frame })
      return client.closed
    }
    t.same(await closing({}), { code: 4001, reason: 'Authentication required' })
    t.same(await closing({ token: '' }), { code: 4001, reason: 'Authentication required' })
    t.same(await closing({ token: 'x' }), { code: 4001, reason: 'Invalid authentication token' })
  })

  await t.test(
    'a second subscribe closes with 4003, also while the first is under way',
    async t => {
      const quick = await open(t, edges, sid)
      quick.send({ type: 'subscribe', token, clientId: 'c' })
      quick.send({ type: 'subscribe', token, clientId: 'c' })
      t.same(await quick.closed, { code: 4003, reason: 'Already subscribed' })
      const slow = await subscribe(t, edges.url(), { sid, token })
      slow.send({ type: 'subscribe', token, clientId: 'c' })
      t.same(await slow.closed, { code: 4003, reason: 'Already subscribed' })
    },
  )

  await t.test('what does not fit is named, and the socket stays open', async t => {
    const client = await open(t, edges, sid)
    const reasonOf = async (frame: object | string) => {
      const from = client.frames.length
      client.send(frame)
      const { type: _, reason, ...rest } = await client.until('error', from)
      t.same(rest, { code: 'INVALID_MESSAGE', message: 'Failed to process message' })
      return reason
    }
    const after = (after: unknown) => reasonOf({ type: 'subscribe', token, clientId: 'c', after })
    t.equal(await after(-1), 'after: Too small: expected number to be >=0')
    t.equal(await after(1.5), 'after: Invalid input: expected int, received number')
    t.equal(await after('5'), 'after: Invalid input: expected number, received string')
    t.equal(await reasonOf({ type: 'unheard_of' }), 'type: Not a known value')
    t.equal(await reasonOf('{'), 'Not JSON')
    client.send({ type: 'subscribe', token, clientId: 'c', after: 0 })
    await client.until('subscribed')
  })

  await t.test('it sees nothing of the session', async t => {
    const stranger = await open(t, edges, sid)
    const client = await subscribe(t, edges.url(), { sid, token })
    client.send({ type: 'prompt', content: 'hello', clientRequestId: 'seen' })
    await client.until('prompt_queue_updated')
    stranger.send({ type: 'ping' })
    await stranger.until('pong')
    t.same(
      stranger.frames.map(frame => frame.type),
      ['pong'],
    )
  })
})

t.test('who does not subscribe in time, or with an old token', async t => {
  const edges = await startEdges(t, {
    env: { CLIENT_AUTH_TIMEOUT_MS: '300', WS_TOKEN_TTL_MS: '1' },
  })
  const sid = await edges.createSession()
  const client = await open(t, edges, sid)
  t.same(await client.closed, { code: 4008, reason: 'Authentication timeout' })
  const late = await open(t, edges, sid)
  late.send({ type: 'subscribe', token: await edges.token(sid), clientId: 'c' })
  t.same(await late.closed, { code: 4001, reason: 'Token expired' })
})

t.test('subscribing', async t => {
  const edges = await startEdges(t)
  const sid = await edges.createSession()
  const client = await subscribe(t, edges.url(), { sid, token: await edges.token(sid) })
  await client.until('presence_update')
  t.same(
    client.frames.slice(0, 3).map(frame => frame.type),
    ['subscribed', 'presence_sync', 'presence_update'],
  )
  const { subscribed } = client
  t.match(subscribed, {
    sessionId: sid,
    participant: { userId: 'alice', name: 'Alice' },
    recovered: false,
    session: { id: sid, repoOwner: 'demo', repoName: 'hello', status: 'created' },
    promptQueue: [],
    artifacts: [],
    timeline: { events: [], hasMore: false, cursor: null },
    state: { id: sid, repoOwner: 'demo', messageCount: 0 },
  })
  t.notMatch(JSON.stringify(subscribed), /tokenHash|[0-9a-f]{64}/, 'no secret in it')
  t.match(client.frames[1], {
    participants: [{ participantId: subscribed.participantId, status: 'active' }],
  })
})

t.test('prompts', async t => {
  const edges = await startEdges(t, { edges: 2 })
  const sid = await edges.createSession()
  const client = await subscribe(t, edges.url(0), { sid, token: await edges.token(sid) })
  const other = await subscribe(t, edges.url(1), { sid, token: await edges.token(sid, 'bob') })

  await t.test('are queued in the order of their socket; only the sender is answered', async t => {
    for (let n = 1; n <= 5; n++) {
      client.send({ type: 'prompt', content: `p${n}`, clientRequestId: `r${n}` })
    }
    await client.until(of('prompt_queued', { clientRequestId: 'r5' }))
    const queued = client.frames.filter(of('prompt_queued'))
    t.same(
      queued.map(frame => [frame.clientRequestId, frame.position]),
      [
        ['r1', 1],
        ['r2', 2],
        ['r3', 3],
        ['r4', 4],
        ['r5', 5],
      ],
    )
    const seen = await other.until(
      frame => frame.type === 'prompt_queue_updated' && frame.promptQueue.length === 5,
    )
    t.same(
      seen.promptQueue.map((one: Frame) => one.content),
      ['p1', 'p2', 'p3', 'p4', 'p5'],
    )
    t.equal(other.frames.filter(of('prompt_queued')).length, 0)
  })

  await t.test('the same request id is the same prompt, another content a conflict', async t => {
    const from = client.frames.length
    const first = client.frames.find(of('prompt_queued', { clientRequestId: 'r1' }))
    client.send({ type: 'prompt', content: 'p1', clientRequestId: 'r1' })
    t.equal((await client.until('prompt_queued', from)).messageId, first?.messageId)
    client.send({ type: 'prompt', content: 'else', clientRequestId: 'r1' })
    t.match(await client.until('error', from), {
      code: 'PROMPT_REQUEST_CONFLICT',
      clientRequestId: 'r1',
    })
  })

  await t.test('refusals name the request and leave the socket open', async t => {
    let from = client.frames.length
    const refused = async (frame: object | string, expected: object) => {
      client.send(frame)
      const error = await client.until('error', from)
      from = client.frames.length
      t.match(error, expected)
      return error
    }
    const blank = { type: 'prompt', content: ' \n', clientRequestId: 'blank' }
    await refused(blank, { code: 'INVALID_PROMPT', clientRequestId: 'blank' })
    const long = { type: 'prompt', content: 'x'.repeat(64_001), clientRequestId: 'long' }
    await refused(long, { code: 'INVALID_PROMPT', clientRequestId: 'long' })
    const longer = { type: 'prompt', content: 'x'.repeat(500_000), clientRequestId: 'longer' }
    await refused(longer, { code: 'INVALID_PROMPT', clientRequestId: 'longer' })
    const wrong = { type: 'prompt', content: 7, clientRequestId: 'wrong' }
    await refused(wrong, { code: 'INVALID_PROMPT', clientRequestId: 'wrong' })
    t.notOk('clientRequestId' in (await refused({ type: 'prompt' }, { code: 'INVALID_PROMPT' })))
    for (let n = 6; n <= 10; n++) client.send({ type: 'prompt', content: `p${n}` })
    await client.until(of('prompt_queued', { position: 10 }))
    const many = { type: 'prompt', content: 'p11', clientRequestId: 'r11' }
    await refused(many, { code: 'PROMPT_QUEUE_FULL', clientRequestId: 'r11' })
    const unread = { code: 'INVALID_MESSAGE', message: 'Failed to process message' }
    for (const text of ['{', '[]', 'null', '{"type":"unheard_of"}', '{"type":"__proto__"}']) {
      await refused(text, unread)
    }
    client.socket.send(Buffer.from('{"type":"ping"}'), { binary: true })
    client.send({ type: 'ping' })
    await client.until('pong', from)
    t.equal(client.frames.slice(from).filter(of('pong')).length, 1, 'binary frames are ignored')
  })

  await t.test('a stop with nothing running is no error', async t => {
    const from = client.frames.length
    client.send({ type: 'stop' })
    client.send({ type: 'prompt', content: 'p1', clientRequestId: 'r1' })
    await client.until('prompt_queued', from)
    t.equal(client.frames.slice(from).filter(of('error')).length, 0)
  })
})

t.test('while nobody owns the session', async t => {
  const edges = await startEdges(t)
  const sid = await edges.createSession()
  const token = await edges.token(sid)
  const client = await subscribe(t, edges.url(), { sid, token })
  await edges.owner.stop()
  client.send({ type: 'prompt', content: 'patience', clientRequestId: 'r1' })
  client.send({ type: 'ping' })
  await client.until('pong')
  const early = await open(t, edges, sid)
  early.send({ type: 'subscribe', token, clientId: 'c' })
  t.same(client.frames.filter(of('prompt_queued')), [], 'the ping did not wait for the prompt')
  edges.owner.start()
  t.match(await client.until('prompt_queued'), { position: 1, clientRequestId: 'r1' })
  t.match(await early.until('subscribed'), { session: { id: sid } })
})

t.test('typing warms the sandbox, now and then', async t => {
  const edges = await startEdges(t, {
    env: { WARM_THROTTLE_MS: '1' },
    edge: { warmThrottleMs: 60_000 },
  })
  const sid = await edges.createSession()
  const client = await subscribe(t, edges.url(), { sid, token: await edges.token(sid) })
  const { generation } = await edges.sandboxCredentials(sid)
  await publishCommand(edges.bus, sid, {
    v: 1,
    type: 'sandbox_exited',
    generation,
    reason: 'gone',
    orderly: true,
  })
  await client.until(of('sandbox_status', { status: 'stopped' }))
  const commands = async () => (await edges.bus.jsm.streams.info('CMD')).state.last_seq
  const before = await commands()
  const from = client.frames.length
  for (let n = 0; n < 20; n++) client.send({ type: 'typing' })
  await client.until(of('sandbox_warming'), from)
  await client.until(of('sandbox_status', { status: 'spawning' }), from)
  client.send({ type: 'ping' })
  await client.until('pong', from)
  t.equal(await commands(), before + 1, 'one command for twenty keys')
})
