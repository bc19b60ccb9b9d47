/** Repositories over REST, and sessions that are opened only on those that the App sees. */
import t from 'tap'
import { serviceToken } from '../../lib/auth/service-token.ts'
import { signCookie } from '../../lib/auth/signin-cookie.ts'
import { CMD, EVT } from '../../subjects/streams.ts'
import { githubTestConfig, SECRET, startApi } from '../fixtures/github.ts'
import { startScene } from '../github/scene.ts'

const scene = await startScene(t, { REQUIRE_USER_REPO_ACCESS: 'true' })
const { bus, github, pullRequest } = scene
const [api] = await Promise.all([scene.startApi(), scene.startGithub()])
const { call, origin } = api
github.on('GET /repos/acme/hello', (request, reply) =>
  request.headers.authorization === 'token ghu_sees'
    ? { id: 5 }
    : reply.code(404).send({ message: 'Not Found' }),
)

t.test('the list', async t => {
  const first = await call('GET', '/repos')
  t.equal(first.status, 200)
  t.match(first.body, { cached: false, cachedAt: /^\d{4}-.*Z$/ })
  t.match(first.body.repos, [
    { id: 5, owner: 'Acme', name: 'hello', defaultBranch: 'trunk', metadata: null },
  ])
  t.match(await call('GET', '/repos'), { body: { cached: true } })
  const anonymous = await fetch(`${origin}/repos`)
  t.equal(anonymous.status, 401)
})

t.test('what people write down', async t => {
  const path = '/repos/ACME/Hello/metadata'
  t.strictSame(await call('GET', path), {
    status: 200,
    body: { repo: 'acme/hello', metadata: null },
  })
  const metadata = { description: 'Says hello', aliases: ['hi'], keywords: ['k'] }
  t.strictSame(await call('PUT', path, { ...metadata, other: 1 }), {
    status: 200,
    body: { status: 'updated', repo: 'acme/hello', metadata },
  })
  t.strictSame((await call('GET', '/repos/acme/hello/metadata')).body.metadata, metadata)
  const list = await call('GET', '/repos')
  t.match(list.body, { cached: false, repos: [{ metadata }] }, 'and the list is read anew')
  t.strictSame(
    (await call('PUT', path, { aliases: ['x'] })).body.metadata,
    { aliases: ['x'] },
    'replaced',
  )
  for (const wrong of [{ aliases: 'x' }, { description: 1 }, { keywords: [1] }, [], 'x']) {
    t.match(
      await call('PUT', path, wrong),
      { status: 400, body: { error: 'Invalid repository metadata' } },
      JSON.stringify(wrong),
    )
  }
  t.match(await call('PUT', '/repos/a%2Fb/c.d/metadata', {}), { status: 400 })
  t.match(await call('PUT', '/repos/a/..b.c../metadata', {}), { status: 200 }, 'dots are no matter')
  t.match(await call('GET', '/repos/a/..b.c../metadata'), {
    body: { repo: 'a/..b.c..', metadata: {} },
  })
})

t.test('branches, five hundred at most', async t => {
  github.on('GET /repos/Acme/hello/branches', request => {
    const { page, per_page } = request.query as { page: string; per_page: string }
    return Array.from({ length: Number(per_page) }, (_, i) => ({ name: `b-${page}-${i}` }))
  })
  const { body } = await call('GET', '/repos/acme/HELLO/branches')
  t.equal(body.branches.length, 500)
  t.strictSame(body.branches[0], { name: 'b-1-0' })
  t.match(await call('GET', '/repos/acme/unknown/branches'), {
    status: 404,
    body: { error: 'Repository is not installed for the GitHub App' },
  })
})

const open = (more: object, headers: Record<string, string> = {}) =>
  headers.cookie
    ? fetch(`${origin}/sessions`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ repoOwner: 'acme', repoName: 'hello', ...more }),
      }).then(async answer => ({ status: answer.status, body: await answer.json() }))
    : call('POST', '/sessions', { repoOwner: 'ACME', repoName: 'hello', userId: 'alice', ...more })

t.test('a session is opened where the App, and the person, see the repository', async t => {
  t.match(await open({ repoName: 'unknown' }), {
    status: 404,
    body: { error: 'Repository is not installed for the GitHub App' },
  })
  t.match(await open({}), { status: 403, body: { code: 'REPOSITORY_NOT_YOURS' } })
  t.match(await open({ githubToken: 'ghu_blind' }), { status: 403 })
  const opened = await open({ githubToken: 'ghu_sees' })
  t.equal(opened.status, 201)
  const shown = await call('GET', `/sessions/${opened.body.sessionId}`)
  t.equal(shown.body.repoDefaultBranch, 'trunk', "on the repository's own default branch")

  const who = {
    userId: 'github:42',
    name: 'A',
    role: 'guest',
    login: 'octo',
    githubUserId: '42',
  } as const
  const cookie = `signin=${signCookie(SECRET, who, Date.now())}`
  t.match(await open({}, { cookie }), { status: 403 }, 'signed in, but without tokens')
  await scene.signedIn('42', 'ghu_sees')
  const own = await open({ userId: 'mallory', githubToken: 'ghu_theirs' }, { cookie })
  t.equal(own.status, 201)
  const { body } = await call('GET', `/sessions/${own.body.sessionId}/participants`)
  t.match(body.participants, [{ userId: 'github:42', githubLogin: 'octo', role: 'owner' }])
})

t.test('a token that was handed over opens pull requests, and is nowhere in plain', async t => {
  const key = { 'idempotency-key': 'k' }
  const again = () =>
    fetch(`${origin}/sessions`, {
      method: 'POST',
      headers: { ...key, authorization: `Bearer ${serviceToken(SECRET, Date.now())}` },
      body: JSON.stringify({
        repoOwner: 'acme',
        repoName: 'hello',
        userId: 'alice',
        githubToken: 'ghu_sees',
      }),
    })
  const [one, two] = [await again(), await again()]
  t.same([one.status, two.status], [201, 201], 'encrypted anew, the same request is the same')
  const { sessionId: sid } = (await one.json()) as { sessionId: string }
  t.match(await pullRequest(sid), { status: 'opened' })
  t.equal(github.authors.at(-1), 'ghu_sees')

  const hour = Date.now() + 3_600_000
  const joined = await call('POST', `/sessions/${sid}/ws-token`, {
    userId: 'bob',
    githubToken: 'ghu_bob',
    githubTokenExpiresAt: hour,
  })
  t.equal(joined.status, 200)
  await pullRequest(sid, { by: { kind: 'user', userId: 'bob' }, headBranch: 'bobs' })
  t.equal(github.authors.at(-1), 'ghu_bob')
  for (const stream of [CMD, EVT, 'JOB']) {
    const { state } = await bus.jsm.streams.info(stream)
    for (let seq = state.first_seq; seq > 0 && seq <= state.last_seq; seq++) {
      const message = await bus.jsm.streams.getMessage(stream, { seq }).catch(() => null)
      if (message) t.notMatch(new TextDecoder().decode(message.data), /ghu_/)
    }
  }
})

t.test('without a GitHub App, and without GitHub', async t => {
  const none = await startApi(
    t,
    await githubTestConfig(t, scene.config.natsUrl, { GIT_HOST: 'none' }),
  )
  t.match(await none.call('GET', '/repos'), {
    status: 500,
    body: { error: 'GitHub App not configured' },
  })
  github.on('GET /installation/repositories', (_request, reply) => reply.code(500).send({}))
  await call('PUT', '/repos/acme/hello/metadata', {})
  t.match(await call('GET', '/repos'), {
    status: 500,
    body: { error: 'Failed to fetch repositories from GitHub' },
  })
})

t.test('all of it is documented', async t => {
  const { paths } = (await (await fetch(`${origin}/openapi.json`)).json()) as { paths: object }
  t.match(
    Object.keys(paths)
      .filter(path => /repos|webhooks/.test(path))
      .toSorted(),
    [
      '/repos',
      '/repos/{owner}/{name}/branches',
      '/repos/{owner}/{name}/metadata',
      '/webhooks/github',
    ],
  )
})
