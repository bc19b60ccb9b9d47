/** The App's signature and its tokens: kept for a while, fetched once for all, renewed when refused. */
import { generateKeyPairSync, verify } from 'node:crypto'
import t from 'tap'
import { openApp } from '../../lib/github/app.ts'
import { statusOf } from '../../lib/github/request.ts'
import { standIn } from './stand-in.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const MINUTE = 60_000
const ISSUE = 'POST /app/installations/8/access_tokens'

const scene = async () => {
  let now = Date.parse('2026-05-01T12:00:00Z')
  let issued = 0
  const asked: unknown[] = []
  const headers: Record<string, unknown>[] = []
  const github = await standIn(t, {
    [ISSUE]: (request, reply) => {
      issued++
      asked.push(request.body)
      headers.push(request.headers)
      const expires_at = new Date(now + 60 * MINUTE).toISOString()
      return reply.code(201).send({ token: `ghs_${issued}`, expires_at, permissions: {} })
    },
    'GET /hello': request => ({ said: request.headers.authorization }),
  })
  const app = openApp(
    {
      apiUrl: github.url,
      appId: 7,
      installationId: 8,
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    },
    () => now,
  )
  const hello = () =>
    app.asInstallation(async request => (await request('GET /hello')).data.said as string)
  return {
    github,
    app,
    hello,
    asked,
    headers,
    pass: (ms: number) => (now += ms),
    issued: () => issued,
  }
}

t.test('the signature is back-dated by a minute, and good for ten', async t => {
  const { app, headers } = await scene()
  await app.token()
  const [sent] = headers
  const [head = '', body = '', signature = ''] = String(sent?.authorization)
    .replace(/^bearer /i, '')
    .split('.')
  const read = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString())
  t.strictSame(read(head), { alg: 'RS256', typ: 'JWT' })
  const noon = Date.parse('2026-05-01T12:00:00Z') / 1000
  t.strictSame(read(body), { iat: noon - 60, exp: noon + 540, iss: 7 })
  t.ok(
    verify(
      'sha256',
      Buffer.from(`${head}.${body}`),
      publicKey,
      Buffer.from(signature, 'base64url'),
    ),
  )
  t.match(sent, {
    'user-agent': /agent-control-plane/,
    'x-github-api-version': '2022-11-28',
    accept: /application\/vnd\.github/,
  })
})

t.test('one token for all, for fifty minutes', async t => {
  const { hello, issued, pass } = await scene()
  t.same(new Set(await Promise.all(Array.from({ length: 9 }, hello))), new Set(['token ghs_1']))
  t.equal(issued(), 1, 'many at once wait for one call')
  pass(49 * MINUTE)
  t.equal(await hello(), 'token ghs_1')
  pass(2 * MINUTE)
  t.equal(await hello(), 'token ghs_2')
})

t.test('narrowed tokens are kept apart', async t => {
  const { app, asked, issued } = await scene()
  const read = { repository: 'hello', access: 'read' } as const
  t.match(await app.token(read), { token: 'ghs_1', expiresAtMs: Number })
  await app.token({ ...read, access: 'write' })
  await app.token(read)
  t.equal(issued(), 2)
  t.strictSame(asked, [
    { repositories: ['hello'], permissions: { contents: 'read' } },
    { repositories: ['hello'], permissions: { contents: 'write' } },
  ])
})

t.test('a token that is refused is renewed once', async t => {
  const { github, hello, issued } = await scene()
  await hello()
  let refused = 0
  github.on('GET /hello', (request, reply) => {
    if (request.headers.authorization !== 'token ghs_1') return { said: 'welcome' }
    refused++
    return reply.code(401).send({ message: 'Bad credentials' })
  })
  t.same(await Promise.all([hello(), hello(), hello()]), ['welcome', 'welcome', 'welcome'])
  t.equal(refused, 3)
  t.equal(issued(), 2, 'by one call for the three')
  github.on('GET /hello', (_request, reply) => reply.code(401).send({ message: 'Bad credentials' }))
  const before = github.countOf(/hello/)
  t.equal(await hello().catch(statusOf), 401)
  t.equal(github.countOf(/hello/) - before, 2, 'and not for ever')
})

t.test('a failed call is not remembered', async t => {
  const { github, hello } = await scene()
  github.on(ISSUE, (_request, reply) => reply.code(503).send({ message: 'later' }))
  t.equal(await hello().catch(statusOf), 503)
  github.on(ISSUE, (_request, reply) =>
    reply.code(201).send({ token: 'ghs_x', expires_at: '2026-05-01T13:00:00Z', permissions: {} }),
  )
  t.equal(await hello(), 'token ghs_x')
})
