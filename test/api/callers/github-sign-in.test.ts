/** Signing in with GitHub, as a browser does it: there, back, and in. */
import { createHash, createHmac } from 'node:crypto'
import { Kvm } from '@nats-io/kv'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { ownPath } from '../../../lib/api/callers/admit.ts'
import { SCM_BUCKET } from '../../../subjects/streams.ts'
import { startBus } from '../../fixtures/bus.ts'
import { appEnv, githubTestConfig, startApi, startGithub } from '../../fixtures/github.ts'
import { standIn } from '../../github/stand-in.ts'

const { nats, bus } = await startBus(t)
const github = await standIn(t)
const shared = {
  ...appEnv(),
  GITHUB_API_URL: github.url,
  GITHUB_URL: github.url,
  ALLOWED_GITHUB_USERS: 'someone, Octo',
  ALLOWED_GITHUB_ORGS: 'acme',
}
const config = await githubTestConfig(t, nats.url, shared)
let api = await startApi(t, config)
/** Another process, which has not counted how often we came to the first. */
const fresh = await startApi(t, await githubTestConfig(t, nats.url, shared))
const process = await startGithub(t, config)

const visit = async (path: string, cookie?: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(api.origin + path, {
    redirect: 'manual',
    headers: { ...(cookie ? { cookie } : {}), ...headers },
  })
  return {
    status: answer.status,
    location: answer.headers.get('location') ?? '',
    setCookies: answer.headers.getSetCookie(),
    text: await answer.text(),
  }
}
type Visit = Awaited<ReturnType<typeof visit>>
const cookieOf = ({ setCookies }: Visit, name: RegExp) =>
  setCookies.find(text => name.test(text) && !/=;/.test(text))?.split(';')[0]

/** Goes to GitHub: where to, and the cookie that waits for the way back. */
const leave = async (next = '/s/abc?x=1') => {
  const left = await visit(`/login/github?next=${encodeURIComponent(next)}`)
  const url = new URL(left.location)
  return {
    left,
    url,
    state: url.searchParams.get('state') ?? '',
    cookie: cookieOf(left, /^oauth-/),
  }
}
const comeBack = (query: Record<string, string>, cookie: string | undefined) =>
  visit(`/login/github/callback?${new URLSearchParams(query)}`, cookie)

/** GitHub as this person sees it. */
const person = (login: string, id: number, more: object = {}) => {
  let asked: FastifyRequest['body']
  github.on('POST /login/oauth/access_token', request => {
    asked = request.body
    return { access_token: `ghu_${login}`, expires_in: 28_800, refresh_token: `ghr_${login}` }
  })
  github.on('GET /user', request => {
    t.equal(request.headers.authorization, `token ghu_${login}`)
    return { id, login, name: null, email: null, avatar_url: '', ...more }
  })
  github.on('GET /user/emails', () => [
    { email: 'other@example.com', primary: false, verified: true },
    { email: 'octo@example.com', primary: true, verified: true },
  ])
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever comes
  return () => asked as any
}
const signIn = async (login: string, id: number, more: object = {}) => {
  person(login, id, more)
  const { state, cookie } = await leave()
  return comeBack({ code: 'c', state }, cookie)
}
const me = async (back: Visit) => JSON.parse((await visit('/me', cookieOf(back, /^signin=/))).text)

t.test('the page offers it, and remembers where to', async t => {
  const page = await visit('/s/abc')
  t.equal(page.status, 401)
  t.match(page.text, 'href="/login/github?next=%2Fs%2Fabc"')
  t.match(page.text, 'Sign in with GitHub')
  t.match((await visit('/login?next=/s/x')).text, 'href="/login/github?next=%2Fs%2Fx"')
  for (const site of ['same-site', 'cross-site']) {
    const shell = await visit('/s/abc', undefined, { 'sec-fetch-site': site })
    t.equal(shell.status, 200, `a link from elsewhere (${site}) shows the page, which asks itself`)
  }
})

t.test('there, back, and in', async t => {
  const { left, url, state, cookie } = await leave()
  t.equal(left.status, 303)
  t.equal(url.origin + url.pathname, `${github.url}/login/oauth/authorize`)
  const back = `${api.origin}/login/github/callback`
  t.match(Object.fromEntries(url.searchParams), {
    client_id: 'Iv1.client',
    redirect_uri: back,
    scope: 'read:user user:email repo read:org',
    code_challenge_method: 'S256',
  })
  t.match(left.setCookies[0], /; Path=\/login\/github\/callback; HttpOnly; SameSite=Lax$/)
  const asked = person('Octo', 42)
  const admitted = await comeBack({ code: 'the code', state }, cookie)
  t.match(admitted, { status: 303, location: '/s/abc?x=1' })
  t.match(asked(), { code: 'the code', redirect_uri: back })
  const challenge = createHash('sha256').update(asked().code_verifier).digest('base64url')
  t.equal(challenge, url.searchParams.get('code_challenge'), 'PKCE')
  t.strictSame(await me(admitted), {
    userId: 'github:42',
    name: 'Octo',
    role: 'guest',
    gitHost: true,
    login: 'Octo',
  })
  const stored = await (await new Kvm(bus.js).open(SCM_BUCKET)).get('user.42')
  t.equal(stored?.operation, 'PUT')
  t.notMatch(stored?.string(), /gh[ur]_/, 'the tokens are kept, encrypted')
  t.notMatch(process.lines.join('') + api.lines.join(''), /gh[ur]_/, 'and not in a log')

  t.match(await comeBack({ code: 'c', state }, cookie), { status: 400, text: /used already/ })
})

t.test('a way back that was not begun here', async t => {
  person('Octo', 42)
  const { state, cookie } = await leave()
  const other = await leave()
  const refused = { status: 400, text: /not begun in this browser/, setCookies: [/^oauth-.*=;/] }
  const before = github.countOf(/access_token/)
  t.match(await comeBack({ code: 'c', state }, undefined), refused, 'another browser')
  t.match(
    await comeBack({ code: 'c', state }, other.cookie),
    refused,
    'the cookie of another visit',
  )
  const [mine = ''] = cookie?.split('=') ?? []
  const renamed = `${mine}=${other.cookie?.split('=')[1]}`
  t.match(await comeBack({ code: 'c', state }, renamed), refused, 'nor under the name of this one')
  t.match(await comeBack({ code: 'c', state: 'x' }, cookie), refused)
  t.match(await comeBack({}, cookie), refused)
  const [name, value = ''] = cookie?.split('=') ?? []
  const facts = JSON.parse(Buffer.from(value.split('.')[0] ?? '', 'base64url').toString())
  const body = Buffer.from(JSON.stringify({ ...facts, next: '/s/evil' })).toString('base64url')
  const forged = createHmac('sha256', 'guess').update(body).digest('base64url')
  t.match(await comeBack({ code: 'c', state }, `${name}=${body}.${forged}`), refused, 'forged')
  t.equal(github.countOf(/access_token/), before, 'no code is spent for any of them')
  t.equal((await comeBack({ code: 'c', state }, cookie)).status, 303, 'the right one still works')
})

t.test('what goes wrong is a page with a way on', async t => {
  const again = 'href="/login/github?next=%2Fs%2Fabc%3Fx%3D1"'
  const first = await leave()
  const denied = await comeBack({ error: 'access_denied', state: first.state }, first.cookie)
  t.match(denied, { status: 403, text: /You did not allow it at GitHub/ })
  t.match(denied.text, again)
  person('Octo', 42)
  github.on('POST /login/oauth/access_token', () => ({
    error: 'bad_verification_code',
    error_description: 'The code <passed> is old',
  }))
  const second = await leave()
  const old = await comeBack({ code: 'c', state: second.state }, second.cookie)
  t.match(old, { status: 400, text: /The code &lt;passed&gt; is old/, setCookies: { length: 1 } })
  github.on('POST /login/oauth/access_token', (_request, reply) => reply.code(500).send({}))
  const third = await leave()
  const away = await comeBack({ code: 'c', state: third.state }, third.cookie)
  t.match(away, { status: 503, text: /cannot be reached just now/ })
  t.notMatch(process.lines.join(''), /client secret/, 'and what was sent stays out of the log')
})

t.test('who may', async t => {
  api = fresh
  t.match(await signIn('Mallory', 66), { status: 403, text: /may not sign in here/ })
  t.equal(
    (await (await new Kvm(bus.js).open(SCM_BUCKET)).get('user.66')) ?? null,
    null,
    'nothing kept',
  )
  github.on('GET /user/memberships/orgs/acme', () => ({ state: 'pending' }))
  t.equal((await signIn('Invited', 67)).status, 403)
  github.on('GET /user/memberships/orgs/acme', () => ({ state: 'active' }))
  const member = await signIn('Member', 68, { name: 'A Member', email: 'public@example.com' })
  t.strictSame(await me(member), {
    userId: 'github:68',
    name: 'A Member',
    role: 'guest',
    gitHost: true,
    login: 'Member',
  })
  github.on('GET /user/memberships/orgs/acme', (_request, reply) =>
    reply.code(403).send({ message: 'Resource not accessible' }),
  )
  t.equal((await signIn('Quiet', 69)).status, 403, 'the App does not know them either')
  github.on('POST /app/installations/8/access_tokens', (_request, reply) =>
    reply.code(201).send({ token: 'ghs', expires_at: '2100-01-01T00:00:00Z', permissions: {} }),
  )
  github.on('GET /orgs/acme/members/Quiet', (_request, reply) => reply.code(204).send())
  t.equal((await signIn('Quiet', 69)).status, 303, 'the App knows them as a member')
  github.on('GET /user/memberships/orgs/acme', (_request, reply) => reply.code(502).send({}))
  t.equal((await signIn('Unlucky', 70)).status, 503, 'not to know is not to allow')
})

t.test('nobody, where nobody is named', async t => {
  await process.stop()
  const { ALLOWED_GITHUB_USERS: _, ALLOWED_GITHUB_ORGS: __, ...nobody } = shared
  await startGithub(t, await githubTestConfig(t, nats.url, nobody))
  const before = github.countOf(/access_token/)
  t.match(await signIn('Octo', 42), { status: 403, text: /ALLOWED_GITHUB_USERS/ })
  t.equal(github.countOf(/access_token/), before)
})

t.test('at another address than ours the browser is sent to ours, once', async t => {
  const { hostname, port } = new URL(api.origin)
  t.equal(hostname, '127.0.0.1')
  const { headers } = await fetch(`http://localhost:${port}/login/github?next=/s/a`, {
    redirect: 'manual',
  })
  t.equal(headers.get('location'), `${api.origin}/login/github?next=%2Fs%2Fa&here=1`)
  t.match((await visit('/login/github?here=1')).location, /oauth\/authorize/)
})

t.test('where a link may lead', async t => {
  for (const path of [
    '//evil.example',
    'https://evil.example',
    '/\\evil.example',
    'x',
    '',
    '/login?next=/',
    '/\t/evil.example',
  ]) {
    t.equal(ownPath(path), '/', JSON.stringify(path))
  }
  t.equal(ownPath('/s/abc?x=1#y'), '/s/abc?x=1')
  t.equal(ownPath(undefined), '/')
})
