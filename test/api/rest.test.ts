/** REST over the whole system, without a sandbox: what is answered, refused and how. */
import { rm } from 'node:fs/promises'
import t from 'tap'
import { serviceToken } from '../../lib/auth/service-token.ts'
import { CMD } from '../../subjects/streams.ts'
import { openBus } from '../fixtures/bus.ts'
import { startSystem } from '../fixtures/system.ts'

const system = await startSystem(t)
const [api = ''] = system.apis
const { call } = system
const body = { repoOwner: 'Demo', repoName: 'Hello', userId: 'alice', githubLogin: 'al' }

t.test('health is open to everybody', async t => {
  const answer = await fetch(`${api}/health`)
  t.equal(answer.status, 200)
  t.strictSame(await answer.json(), {
    status: 'healthy',
    service: 'open-inspect-control-plane',
  })
})

t.test('who has no token', async t => {
  const bare = (path: string, init?: RequestInit) => fetch(`${api}${path}`, init)
  t.equal((await bare('/sessions')).status, 401)
  t.strictSame(await (await bare('/sessions')).json(), {
    error: 'Unauthorized',
    code: 'UNAUTHORIZED',
  })
  t.equal((await bare('/sessions', { method: 'POST', body: '{' })).status, 401, 'before the body')
  const old = serviceToken(system.secret, Date.now() - 600_000)
  const headers = { authorization: `Bearer ${old}` }
  t.equal((await bare('/sessions', { headers })).status, 401, 'an old token')
  t.equal((await bare('/nowhere')).status, 404, 'but what does not exist is said first')
  t.strictSame(await (await bare('/nowhere')).json(), { error: 'Not found' })
})

t.test('every answer has its headers, OPTIONS of anything too', async t => {
  const answer = await fetch(`${api}/any/thing`, { method: 'OPTIONS' })
  t.equal(answer.status, 200)
  t.equal(await answer.text(), '')
  const headers = Object.fromEntries(answer.headers)
  t.match(headers, {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE, OPTIONS',
    'access-control-allow-headers': 'Content-Type, Authorization',
    'access-control-max-age': '86400',
  })
  const traced = await fetch(`${api}/nowhere`, { headers: { 'x-trace-id': 'trace-1' } })
  t.equal(traced.headers.get('x-trace-id'), 'trace-1', 'a trace id is kept')
  t.match(traced.headers.get('x-request-id'), /^[0-9a-f-]{36}$/)
  const forged = await fetch(`${api}/nowhere`, { headers: { 'x-trace-id': 'a b' } })
  t.not(forged.headers.get('x-trace-id'), 'a b', 'unless it is not one')
})

t.test('a path that cannot be read is one that does not exist', async t => {
  for (const path of ['/sessions/%ff', '/sessions/%', `/sessions/${'x'.repeat(300)}/queue`]) {
    const answer = await fetch(`${api}${path}`)
    t.equal(answer.status, 404, path.slice(0, 20))
    t.strictSame(await answer.json(), { error: 'Not found' })
    t.equal(answer.headers.get('access-control-allow-origin'), '*')
    t.match(answer.headers.get('x-request-id'), /^[0-9a-f-]{36}$/)
  }
})

t.test('a session is created once', async t => {
  const headers = { 'idempotency-key': 'key-1' }
  const first = await call('POST', '/sessions', { ...body, title: 'One' }, { headers })
  t.match(first, { status: 201, body: { sessionId: /^[0-9a-f]{32}$/, status: 'created' } })
  const again = await call('POST', '/sessions', { ...body, title: 'One' }, { headers })
  t.strictSame(again.body, first.body, 'the same key is the same session')
  const other = await call('POST', '/sessions', { ...body, title: 'Two' }, { headers })
  t.match(other, { status: 409, body: { code: 'REQUEST_CONFLICT' } }, 'asking for another is not')
  const sid = first.body.sessionId
  t.match((await call('GET', '/sessions')).body.sessions, [
    {
      id: sid,
      title: 'One',
      repoOwner: 'demo',
      repoName: 'hello',
      scmLogin: 'al',
      status: 'created',
    },
  ])
  const shown = await call('GET', `/sessions/${sid}`)
  t.match(shown, {
    status: 200,
    body: {
      id: sid,
      title: 'One',
      repoOwner: 'demo',
      repoDefaultBranch: 'main',
      status: 'created',
      baseSha: null,
      sandbox: { modalSandboxId: null, gitSyncStatus: 'pending' },
      session: { id: sid, model: 'anthropic/claude-haiku-4-5' },
      timeline: { events: [], hasMore: false },
      promptQueue: [],
    },
  })
  t.equal(shown.headers.get('cache-control'), 'private, no-store')
  t.notMatch(JSON.stringify(shown.body), /token/i, 'no secret in it')
})

t.test('what a session cannot be', async t => {
  const refused = async (change: object, error: string | RegExp) =>
    t.match(await call('POST', '/sessions', { ...body, ...change }), {
      status: 400,
      body: { error, code: 'INVALID_REQUEST' },
    })
  await refused({ repoName: undefined }, 'repoOwner and repoName are required')
  await refused({ repoOwner: '' }, 'repoOwner and repoName are required')
  await refused({ repoOwner: '../etc' }, 'Invalid repoOwner')
  await refused({ baseBranch: 'a b' }, 'Invalid baseBranch')
  await refused({ title: 5 }, /^title: /)
  t.match(await call('POST', '/sessions'), { status: 400 })
})

t.test('bodies', async t => {
  const post = (text: string, type = 'application/json') =>
    fetch(`${api}/sessions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${serviceToken(system.secret, Date.now())}`,
        'content-type': type,
      },
      body: text,
    })
  const broken = await post('{"a":')
  t.equal(broken.status, 400)
  t.match(await broken.json(), { error: 'Invalid JSON body' })
  t.equal((await post('{"__proto__":{"x":1}}')).status, 400)
  t.equal((await post(`"${'x'.repeat(1_600_000)}"`)).status, 413)
  t.equal((await post(JSON.stringify(body), 'text/plain')).status, 201, 'any type is JSON')
})

t.test('an unknown session is 404 everywhere', async t => {
  for (const [method, path, sent] of [
    ['GET', ''],
    ['POST', '/prompt', { content: 'x' }],
    ['POST', '/stop'],
    ['POST', '/ws-token', { userId: 'a' }],
    ['GET', '/events'],
    ['GET', '/messages'],
    ['GET', '/participants'],
    ['GET', '/artifacts'],
  ] as const) {
    for (const sid of ['0'.repeat(32), 'a.b', '%3E', 'x'.repeat(200)]) {
      const { status, body } = await call(method, `/sessions/${sid}${path}`, sent)
      t.strictSame(
        { status, body },
        { status: 404, body: { error: 'Session not found', code: 'SESSION_NOT_FOUND' } },
        `${method} ${sid.slice(0, 10)}${path}`,
      )
    }
  }
})

t.test('prompts and what came of them', async t => {
  const sid = await system.createSession()
  const prompt = (sent: object) => call('POST', `/sessions/${sid}/prompt`, sent)
  t.match(await prompt({}), { status: 400, body: { error: 'content is required' } })
  t.match(await prompt({ content: '' }), { status: 400, body: { error: 'content is required' } })
  const endless = await prompt({ content: 'x'.repeat(262_145) })
  t.match(endless, { status: 400, body: { error: 'content is longer than 262144 characters' } })
  t.match(await prompt({ content: 'x', source: 'fax' }), {
    status: 400,
    body: { error: 'Invalid source' },
  })

  const first = await prompt({ content: 'one', authorId: 'bob', clientRequestId: 'r' })
  t.match(first, { status: 200, body: { messageId: String, status: 'queued', position: 1 } })
  const again = await prompt({ content: 'one', authorId: 'bob', clientRequestId: 'r' })
  t.strictSame(again.body.messageId, first.body.messageId, 'the same id is the same prompt')
  t.match(await prompt({ content: 'two', authorId: 'bob', clientRequestId: 'r' }), {
    status: 409,
    body: { code: 'PROMPT_REQUEST_CONFLICT' },
  })
  t.match(await prompt({ content: 'x'.repeat(64_001) }), {
    status: 400,
    body: { code: 'INVALID_PROMPT' },
  })
  const rest = await Promise.all(Array.from({ length: 9 }, (_, i) => prompt({ content: `${i}` })))
  t.strictSame(
    rest.map(({ body }) => body.position).sort((a, b) => a - b),
    [2, 3, 4, 5, 6, 7, 8, 9, 10],
  )
  t.match(await prompt({ content: 'too much' }), {
    status: 429,
    body: { code: 'PROMPT_QUEUE_FULL' },
  })

  const seen: string[] = []
  let cursor = ''
  do {
    const page = (await call('GET', `/sessions/${sid}/messages?limit=3${cursor}`)).body
    seen.push(...page.messages.map((m: { id: string }) => m.id))
    cursor = page.hasMore ? `&cursor=${encodeURIComponent(page.cursor)}` : ''
  } while (cursor)
  t.equal(new Set(seen).size, 10, 'pages overlap nowhere and leave nothing out')
  t.equal(seen.length, 10)
  t.equal(seen.at(-1), first.body.messageId, 'newest first')
  const messages = (query: string) => call('GET', `/sessions/${sid}/messages?${query}`)
  t.match(await messages('status=x'), { status: 400, body: { error: 'Invalid message status: x' } })
  t.match(await messages('cursor=x'), { status: 400, body: { error: 'Invalid cursor' } })
  t.equal((await messages('limit=-1')).body.messages.length, 1, 'a limit is clamped')
  t.equal((await messages('limit=abc')).body.messages.length, 10, 'or the default')
  const events = (query: string) => call('GET', `/sessions/${sid}/events?${query}`)
  t.match(await events('type=x'), { status: 400, body: { error: 'Invalid event type: x' } })
  t.match(await events('type=user_message'), { status: 200, body: { events: [], hasMore: false } })

  t.match(await call('POST', `/sessions/${sid}/stop`), {
    status: 200,
    body: { status: 'stopping' },
  })
  t.match((await call('GET', `/sessions/${sid}/participants`)).body.participants, [
    { userId: 'alice', role: 'owner' },
    { userId: 'bob', role: 'member' },
    { userId: 'anonymous', role: 'member' },
  ])
  t.strictSame((await call('GET', `/sessions/${sid}/artifacts`)).body, { artifacts: [] })
})

t.test('tokens for sockets', async t => {
  const sid = await system.createSession()
  const path = `/sessions/${sid}/ws-token`
  t.match(await call('POST', path), { status: 400, body: { error: 'userId is required' } })
  const one = await call('POST', path, { userId: 'alice' })
  t.match(one, { status: 200, body: { token: /^[0-9a-f]{64}$/, participantId: /^[0-9a-f]{32}$/ } })
  const two = await call('POST', path, { userId: 'alice' })
  t.equal(two.body.participantId, one.body.participantId, 'one participant')
  t.not(two.body.token, one.body.token, 'another token')
})

t.test('the list', async t => {
  await call('POST', '/sessions', { ...body, title: 'Needle', repoName: 'other', userId: 'eve' })
  const list = async (query: string) => (await call('GET', `/sessions?${query}`)).body
  const titles = async (query: string) =>
    (await list(query)).sessions.map((one: { title: string }) => one.title)
  t.strictSame(await titles('search=needle'), ['Needle'])
  t.strictSame(await titles('repoName=OTHER'), ['Needle'])
  t.strictSame(await titles('createdBy=eve&createdBy=nobody'), ['Needle'])
  t.strictSame(await titles('search=needle&excludeStatus=created'), [])
  const page = await list('limit=1')
  t.match(page, { hasMore: true, cursor: String })
  t.not((await list(`limit=1&cursor=${page.cursor}`)).sessions[0].id, page.sessions[0].id)
  for (const query of ['status=x', 'excludeStatus=x', 'offset=-1', 'cursor=%00']) {
    const name = query.split('=')[0]
    t.match(await call('GET', `/sessions?${query}`), {
      status: 400,
      body: { error: `Invalid ${name}` },
    })
  }
})

t.test('the index is a copy that may be lost', async t => {
  const before = (await call('GET', '/sessions?limit=100')).body
  const process = system.process('api')
  await process.kill()
  await rm(`${system.dataDir}/api`, { recursive: true })
  await process.start()
  t.strictSame((await call('GET', '/sessions?limit=100')).body, before)
})

t.test('without an owner', async t => {
  const sid = await system.createSession()
  await system.process('owner').kill()
  const [show, prompt] = await Promise.all([
    call('GET', `/sessions/${sid}`),
    call('POST', `/sessions/${sid}/prompt`, { content: 'x', clientRequestId: 'later' }),
  ])
  for (const answer of [show, prompt]) {
    t.match(answer, { status: 503, body: { code: 'NO_OWNER' } })
    t.match(answer.headers.get('retry-after'), /^\d+$/)
  }
  t.equal((await call('GET', '/sessions')).status, 200, 'the list needs none')
  await system.process('owner').start()
  const later = await call('POST', `/sessions/${sid}/prompt`, {
    content: 'x',
    clientRequestId: 'later',
  })
  t.match(later, { status: 200, body: { position: 1 } }, 'what was asked in vain is done once')
})

t.test('with a full inbox', async t => {
  const bus = await openBus(t, system.nats.url)
  const sid = await system.createSession()
  const { config } = await bus.jsm.streams.info(CMD)
  const prompt = { content: 'x'.repeat(10_000), clientRequestId: 'full' }
  await bus.jsm.streams.update(CMD, { ...config, max_bytes: 4_000 })
  const refused = await call('POST', `/sessions/${sid}/prompt`, prompt)
  t.match(refused, { status: 503, body: { code: 'STREAM_FULL' } })
  t.match(refused.headers.get('retry-after'), /^\d+$/)
  await bus.jsm.streams.update(CMD, config)
  const later = await call('POST', `/sessions/${sid}/prompt`, prompt)
  t.match(later, { status: 200, body: { position: 1 } }, 'once there is room it goes in')
})
