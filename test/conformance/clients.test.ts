/** Conformance, what people see: points 1, 2, 3, 19, 20, 22, 25 and 26 of the specification. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { serviceToken } from '../../lib/auth/service-token.ts'
import { type Frame, subscribe } from '../fixtures/socket.ts'
import { COPIES, event, eventually, of, refusal, startScene } from './scene.ts'

const UNKNOWN = '0'.repeat(32)

const AUTH_TIMEOUT_MS = 4_000
const scene = await startScene(t, {
  CLIENT_AUTH_TIMEOUT_MS: String(AUTH_TIMEOUT_MS),
  WS_TOKEN_TTL_MS: '5000',
})
const { system, call } = scene

const noted = (n: number) => event('note', { n })
const notes = (frames: readonly Frame[]): number[] =>
  frames.filter(event('note')).map(frame => frame.event.n)
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

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

t.test('19 subscribing while a thousand events a second stream in', async t => {
  const MOST = 3_000
  const sid = await scene.session()
  const sandbox = await scene.sandbox(t, sid)
  const first = await scene.client(t, sid)
  const joining: Promise<readonly Frame[]>[] = []
  /** Everything that one client has seen, its snapshot and then its frames, once the last is there. */
  const follow = async (userId: string, after?: number) => {
    const client = await scene.client(t, sid, { userId, ...(after === undefined ? {} : { after }) })
    const has = (frame: Frame) => noted(MOST)(frame)
    const page = client.subscribed.timeline.events.map((item: Frame) => ({
      ...item,
      type: 'sandbox_event',
    }))
    if (!page.some(has)) await client.until(has)
    return [...page, ...client.frames.filter(frame => frame.sequence && frame.event)]
  }
  for (let n = 1; n <= MOST; n++) {
    sandbox.emit({ type: 'note', n })
    if (n % 50 === 0) await new Promise(resolve => setImmediate(resolve))
    if (n % 500 === 0) {
      await first.until(noted(n - 250))
      joining.push(follow(`user-${n}`))
      joining.push(follow(`back-${n}`, Math.max(1, n - 400)))
    }
  }
  await first.until(noted(MOST))
  t.same(notes(first.frames), upTo(MOST), 'who was there has each once, in order')
  for (const frames of await Promise.all(joining)) {
    const seen = notes(frames)
    const start = seen[0] ?? 0
    t.ok(start >= 1)
    t.same(seen, upTo(MOST).slice(start - 1), `each once, from ${start} on`)
    const sequences = frames.map(frame => frame.sequence as number)
    t.same(
      sequences,
      sequences.map((_, i) => (sequences[0] as number) + i),
      'no sequence twice, none left out',
    )
  }
})

t.test('20 ten events in one millisecond, by pages of three', async t => {
  const sid = await scene.session()
  const sandbox = await scene.sandbox(t, sid)
  const client = await scene.client(t, sid)
  // While the owners stand still the events gather, and are stored together when they go on.
  const owners = upTo(COPIES).map(n => system.process('owner', n - 1))
  for (const owner of owners) owner.pause()
  for (let n = 0; n <= 10; n++)
    sandbox.emit({ type: 'tool_result', messageId: 'm', callId: `c${n}` })
  sandbox.send({ type: 'ping' })
  for (const owner of owners) owner.resume()
  await client.until(event('tool_result', { callId: 'c10' }))
  const all = (await scene.events(sid, '?type=tool_result&limit=50')).events as Frame[]
  t.equal(all.length, 11)
  const times = new Map<number, number>()
  for (const { createdAt } of all) times.set(createdAt, (times.get(createdAt) ?? 0) + 1)
  t.ok(Math.max(...times.values()) >= 10, `ten share a millisecond: ${[...times.values()]}`)

  const paged: string[] = []
  for (let cursor = ''; ; ) {
    const page = await scene.events(sid, `?type=tool_result&limit=3${cursor}`)
    t.ok(page.events.length <= 3)
    paged.push(...page.events.map((item: Frame) => item.data.callId))
    if (!page.hasMore) break
    cursor = `&cursor=${encodeURIComponent(page.cursor)}`
  }
  t.same(
    paged,
    upTo(11).map(n => `c${11 - n}`),
    'all, once, newest first',
  )
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

t.test('25 a client that does not read', async t => {
  const sid = await scene.session()
  const slow = await scene.client(t, sid, { userId: 'slow' })
  const sandbox = await scene.sandbox(t, sid)
  // On the same edge or on the other: both must have everything, at once.
  const quick = [
    await scene.client(t, sid, { userId: 'bob' }),
    await scene.client(t, sid, { userId: 'carol' }),
  ]
  slow.socket.pause()
  let out = false
  void quick[0]
    ?.until(frame => frame.type === 'presence_leave' && frame.userId === 'slow')
    .then(
      () => {
        out = true
      },
      () => {},
    )
  let sent = 0
  while (!out && sent < 1_000) {
    sent++
    sandbox.emit({ type: 'note', n: sent, filling: 'x'.repeat(100_000) })
    await Promise.all(quick.map(client => client.until(noted(sent))))
  }
  t.ok(out, `out after ${sent} large events`)
  for (const client of quick) t.same(notes(client.frames), upTo(sent), 'nobody else misses any')
  slow.socket.resume()
  t.equal((await slow.closed).code, 1013)
  t.same(notes(slow.frames), upTo(notes(slow.frames).length), 'until then it has everything too')
  const back = await scene.client(t, sid, { userId: 'slow' })
  t.equal(back.subscribed.timeline.events.at(-1).event.n, sent, 'and comes back to the newest')
})

t.test('25 clients that do not read take no memory without bound', async t => {
  const SLOW = 30
  const MORE = 100
  const FILLING = 'x'.repeat(100_000)
  const sid = await scene.session()
  const sandbox = await scene.sandbox(t, sid)
  const quick = await scene.client(t, sid, { userId: 'quick' })
  const slow = await Promise.all(upTo(SLOW).map(n => scene.client(t, sid, { userId: `slow-${n}` })))
  for (const { socket } of slow) socket.pause()
  const residentMb = () =>
    upTo(COPIES).reduce((sum, n) => {
      const status = readFileSync(`/proc/${system.process('edge', n - 1).pid()}/status`, 'utf8')
      return sum + Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
    }, 0)
  let sent = 0
  const flood = async () => {
    sandbox.emit({ type: 'note', n: ++sent, filling: FILLING })
    await quick.until(noted(sent))
  }
  const isLeave = of('presence_leave')
  while (quick.frames.filter(isLeave).length < SLOW && sent < 1_000) await flood()
  const before = residentMb()
  let most = before
  for (let n = 0; n < MORE; n++) {
    await flood()
    most = Math.max(most, residentMb())
  }
  const grownMb = Math.round(most - before)
  const keptMb = Math.round((SLOW * MORE * FILLING.length) / 1024 ** 2)
  t.comment(`out after ${sent - MORE} events; ${grownMb} MB more then; kept for all: ${keptMb} MB`)
  t.ok(grownMb < keptMb / 2, `what came then was not kept for them: ${grownMb} of ${keptMb} MB`)
  for (const { socket } of slow) socket.resume()
  const codes = await Promise.all(slow.map(async client => (await client.closed).code))
  t.same([...new Set(codes)], [1013])
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
    client.send({ type: 'prompt', content: `from ${i}`, clientRequestId: `r${i}` })
    const { messageId } = await sandbox.prompt(i)
    sandbox.emit({ type: 'token', messageId, content: `text ${i}` })
    sandbox.complete(messageId)
    await Promise.all(
      clients.map(one => one.until(event('execution_complete', { messageId, success: true }))),
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
