import t from 'tap'
import { APP, exchange, installationToken, refusalOf, signIn, startForge } from './forges.ts'

t.test('a person signs in, with PKCE', async t => {
  const { origin, as } = await startForge(t)
  const { back, answer, code, verifier } = await signIn(origin, 'alice')
  t.match(
    back.href,
    /^http:\/\/127\.0\.0\.1:8787\/login\/github\/callback\?code=\w+&state=state-1$/,
  )
  t.match(answer, {
    status: 200,
    access_token: /^ghu_/,
    expires_in: 28_800,
    refresh_token: /^ghr_/,
    token_type: 'bearer',
  })
  const octokit = as(answer.access_token)
  t.match((await octokit.users.getAuthenticated()).data, { login: 'alice', type: 'User' })
  t.match((await octokit.users.listEmailsForAuthenticatedUser()).data, [
    { email: 'alice@example.com', primary: true, verified: true },
  ])
  t.match((await octokit.orgs.listForAuthenticatedUser()).data, [{ login: 'demo' }])
  const membership = await octokit.orgs.getMembershipForAuthenticatedUser({ org: 'demo' })
  t.equal(membership.data.state, 'active')
  t.match((await octokit.repos.listForAuthenticatedUser()).data, [{ full_name: 'demo/hello' }])
  const member = (username: string) =>
    octokit.orgs.checkMembershipForUser({ org: 'demo', username })
  t.equal((await member('bob')).status as number, 204)
  t.match(await refusalOf(member('carol')), { status: 404 })

  const again = await exchange(origin, { code, code_verifier: verifier })
  t.match(again, { status: 200, error: 'bad_verification_code' }, 'a code works once')
})

t.test('what is wrong is told as GitHub tells it', async t => {
  const { origin } = await startForge(t)
  const wrong = (own: Record<string, string>) => signIn(origin, 'bob', own)
  t.match((await wrong({ code_verifier: 'x'.repeat(43) })).answer, {
    status: 200,
    error: 'bad_verification_code',
  })
  t.match((await wrong({ redirect_uri: 'http://127.0.0.1:8787/login/github/x' })).answer, {
    error: 'redirect_uri_mismatch',
  })
  t.match((await wrong({ client_secret: 'no' })).answer, { error: 'incorrect_client_credentials' })
  t.match(await exchange(origin, { grant_type: 'password' }), { error: 'unsupported_grant_type' })

  const ask = (query: Record<string, string>) => {
    const asked = new URLSearchParams({ client_id: APP.clientId, ...query })
    return fetch(`${origin}/login/oauth/authorize?${asked}`)
  }
  const redirect = (redirect_uri: string) => ask({ redirect_uri }).then(answer => answer.status)
  t.equal(await redirect('http://127.0.0.1:9000/login/github/callback'), 200, 'any loopback port')
  for (const bad of [
    'https://evil.example.com/login/github',
    'http://127.0.0.1:8787/login/githubs',
    'http://127.0.0.1:8787/login/github/../../x',
    'http://127.0.0.1.evil.example.com/login/github',
    'javascript:alert(1)',
  ]) {
    t.equal(await redirect(bad), 400, bad)
  }
  t.equal((await ask({ client_id: 'other' })).status, 404)
  t.equal((await ask({ code_challenge: 'x', code_challenge_method: 'plain' })).status, 400)
  const form = { method: 'POST', headers: { origin: 'http://127.0.0.1:1' } }
  t.equal((await fetch(`${origin}/login`, form)).status, 403, 'a form of another origin')
})

t.test('a refresh token is spent once, also when two come at the same time', async t => {
  const { forge, origin, as } = await startForge(t, { userTokenMs: 60_000 })
  const { answer } = await signIn(origin, 'alice')
  t.equal(answer.expires_in, 60)
  const refresh = (refresh_token: string) =>
    exchange(origin, { grant_type: 'refresh_token', refresh_token })
  const both = await Promise.all([refresh(answer.refresh_token), refresh(answer.refresh_token)])
  t.equal(both.filter(one => one.error === 'bad_refresh_token').length, 1)
  t.same(forge.refreshes, { good: 1, refused: 1 })
  const next = both.find(one => one.access_token)
  t.equal((await as(next?.access_token).users.getAuthenticated()).data.login, 'alice')
  t.match(
    await refusalOf(as(answer.access_token).users.getAuthenticated()),
    { status: 401, message: 'Bad credentials' },
    'the older token ends',
  )
  t.match(await refresh(next?.refresh_token), { access_token: /^ghu_/ })
})

t.test('tokens end with their time', async t => {
  let nowMs = Date.now()
  const here = await startForge(t, { nowMs: () => nowMs })
  const { answer } = await signIn(here.origin, 'alice')
  nowMs += 28_800_000
  t.match(await refusalOf(here.as(answer.access_token).users.getAuthenticated()), { status: 401 })
  nowMs = Date.now()
  const token = await installationToken(here)
  const mine = () => here.as(token).apps.listReposAccessibleToInstallation()
  t.equal((await mine()).data.total_count, 1)
  nowMs += 3_600_000
  t.match(await refusalOf(mine()), { status: 401 })
})

t.test('who is nobody, or not the App, is told so', async t => {
  const { baseUrl, app } = await startForge(t, { rateLimit: 5 })
  const get = (path: string, authorization?: string) =>
    fetch(`${baseUrl}${path}`, authorization ? { headers: { authorization } } : {})
  const gone = await get('/repos/demo/none')
  t.equal(gone.status, 404)
  t.match(await gone.json(), { message: 'Not Found', documentation_url: /^https/, status: '404' })
  t.equal((await get('/user')).status, 401)
  t.equal((await get('/app', 'Bearer a.b.c')).status, 401)
  t.equal((await get('/app', 'Bearer ghs_x')).status, 401)
  t.match((await app.octokit.request('GET /app')).data, { id: 17, slug: 'agent-control-plane' })
  t.match((await app.octokit.request('GET /app/installations')).data, [{ id: 99, app_id: 17 }])
  const narrowed = installationToken({ app }, { repositories: ['none'] })
  t.match(await refusalOf(narrowed), { status: 422 })
  t.match(await refusalOf(installationToken({ app }, { permissions: { members: 'read' } })), {
    status: 422,
  })
  const seen = await Promise.all(Array.from({ length: 4 }, () => get('/repos/demo/hello')))
  t.ok(
    seen.some(one => one.status === 403 && one.headers.get('x-ratelimit-remaining') === '0'),
    'the limit is told and held',
  )
})
