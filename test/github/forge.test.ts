/**
 * Everything with the forge, which is real: git, OAuth, tokens, pull requests, signed webhooks. From a
 * person who signs in to their merged pull request; two processes and one refresh token; webhooks that
 * were missed.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pino from 'pino'
import t from 'tap'
import { parseConfig } from '../../config/config.ts'
import { ask } from '../../lib/bus/ask.ts'
import { askGithub } from '../../lib/bus/ask-github.ts'
import { openForge } from '../../lib/forge/forge.ts'
import { openOAuth } from '../../lib/github/oauth.ts'
import { freePort } from '../../lib/process/free-port.ts'
import { codeOf } from '../../subjects/errors.ts'
import { untilEvents } from '../fixtures/awaiting.ts'
import { startBus } from '../fixtures/bus.ts'
import { appEnv, githubTestEnv, startApi, startGithub } from '../fixtures/github.ts'
import { startOwner } from '../owner/owners.ts'

const git = promisify(execFile)
const HOURS = 8 * 3_600_000
const { nats, bus } = await startBus(t)
const forgePort = await freePort()
const variables = await githubTestEnv(t, nats.url, {
  ...appEnv(),
  GIT_HOST: 'forge',
  FORGE_PORT: String(forgePort),
  SANDBOX_PROVIDER: 'none',
  REQUIRE_USER_REPO_ACCESS: 'true',
  GITHUB_COMMENT_PROMPTS: 'bob',
  WEBHOOK_REPAIR_MS: '400',
})
const config = parseConfig(variables)
const other = parseConfig({ ...variables, PORT: String(await freePort()) })
const app = config.github
if (app === null) throw new Error('there is no forge')

const settings = {
  dataDir: join(config.dataDir, 'forge'),
  origin: app.url,
  app,
  webhookUrl: `${config.controlPlaneUrl}/webhooks/github`,
  callbackUrl: `${config.controlPlaneUrl}/login/github`,
  userTokenMs: HOURS,
  rateLimit: 15_000,
  nowMs: Date.now,
}
const forge = await openForge(settings, pino({ level: 'warn' }))
t.teardown(() => forge.close())
await forge.app.listen({ host: '127.0.0.1', port: forgePort })
startOwner(t, config)
const api = await startApi(t, config)
await startGithub(t, config)
await startGithub(t, other)

type Jar = Map<string, string>
/** As a browser that keeps its cookies and follows where it is sent. */
const browse = async (
  jar: Jar,
  url: string,
  init: RequestInit = {},
): Promise<{ url: string; text: string; status: number }> => {
  const answer = await fetch(url, {
    redirect: 'manual',
    ...init,
    // As a browser says of a form.
    headers: {
      cookie: [...jar].map(pair => pair.join('=')).join('; '),
      origin: new URL(url).origin,
    },
  })
  for (const set of answer.headers.getSetCookie()) {
    const [name = '', value = ''] = set.split(';')[0]?.split(/=(.*)/s) ?? []
    jar.set(name, value)
  }
  const location = answer.headers.get('location')
  if (location) return browse(jar, new URL(location, url).href)
  return { url, text: await answer.text(), status: answer.status }
}
const signIn = async (login: string, next = '/'): Promise<{ jar: Jar; url: string }> => {
  const jar: Jar = new Map()
  const page = await browse(jar, `${api.origin}/login/github?next=${encodeURIComponent(next)}`)
  t.match(page.url, `${app.url}/login/oauth/authorize`)
  const form = new URLSearchParams(new URL(page.url).searchParams)
  form.set('login', login)
  const { url } = await browse(jar, `${app.url}/login/oauth/authorize`, {
    method: 'POST',
    body: form,
  })
  return { jar, url }
}
const as = async (jar: Jar, method: string, path: string, body?: object) => {
  const answer = await fetch(api.origin + path, {
    method,
    headers: { cookie: `signin=${jar.get('signin')}` },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever comes
  return { status: answer.status, body: (await answer.json()) as any }
}
/** A token of a person for the forge itself, as any other program of theirs might have one. */
const personalToken = async (login: string): Promise<string> => {
  const form = new URLSearchParams({ client_id: app.clientId, login })
  const url = `${app.url}/login/oauth/authorize`
  const headers = { origin: app.url }
  const answer = await fetch(url, { method: 'POST', headers, body: form, redirect: 'manual' })
  const code = new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? ''
  const oauth = openOAuth(app)
  const redirectUri = settings.callbackUrl
  return (await oauth.exchange({ code, codeVerifier: '', redirectUri })).access
}
/** Calls the forge itself. */
const atForge = async (method: string, path: string, token: string, body: object = {}) => {
  const answer = await fetch(`${app.apiUrl}${path}`, {
    method,
    headers: { authorization: `token ${token}`, 'content-type': 'application/json' },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever comes
  return { status: answer.status, body: (await answer.json().catch(() => null)) as any }
}

const credentials = () =>
  askGithub(bus, { v: 1, type: 'credentials', owner: 'demo', name: 'hello', access: 'write' })
/** Pushes a commit to a branch with a token that was lent for git. */
const push = async (branch: string, file: string) => {
  const { username, password } = await credentials()
  const folder = t.testdir()
  const url = new URL(`${app.url}/demo/hello.git`)
  url.username = username
  url.password = password
  const run = (...args: string[]) => git('git', ['-C', folder, ...args])
  await git('git', ['clone', '-q', url.href, folder])
  await run('config', 'user.name', 'Agent')
  await run('config', 'user.email', 'agent@example.com')
  await run('checkout', '-q', '-B', branch)
  await git('sh', ['-c', `echo ${file} > ${join(folder, file)}`])
  await run('add', '-A')
  await run('commit', '-qm', `Add ${file}`)
  await run('push', '-q', '-f', 'origin', `HEAD:refs/heads/${branch}`)
  return (await run('rev-parse', 'HEAD')).stdout.trim()
}
const pullOf = async (sid: string) => {
  const { artifacts } = await ask(bus, { v: 1, type: 'artifacts', sid })
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever comes
  return artifacts.find(one => one.type === 'pr') as any
}
const stateIs = (sid: string, state: string) =>
  untilEvents(bus, sid, 'pull_request_tracked', all => all.at(-1)?.state === state)

let alice: Jar = new Map()
let sid = ''

t.test('from signing in to a merged pull request', async t => {
  const signedIn = await signIn('alice', '/s/wanted')
  alice = signedIn.jar
  t.equal(signedIn.url, `${api.origin}/s/wanted`)
  const me = (await as(alice, 'GET', '/me')).body
  t.match(me, { userId: /^github:\d+$/, login: 'alice', role: 'guest' })
  const { repos } = (await as(alice, 'GET', '/repos')).body
  t.match(repos, [{ owner: 'demo', name: 'hello', defaultBranch: 'main' }])
  const opened = await as(alice, 'POST', '/sessions', { repoOwner: 'demo', repoName: 'hello' })
  t.equal(opened.status, 201)
  sid = opened.body.sessionId
  const sha = await push(`open-inspect/${sid}`, 'one.txt')
  await untilEvents(bus, sid, 'session_sha_changed', all => all.at(-1)?.sha === sha)
  t.pass('the push is known by its webhook')

  const made = await as(alice, 'POST', `/sessions/${sid}/pr`, { title: 'Add one', body: 'Please' })
  t.equal(made.status, 200)
  const { prNumber, state, updated } = made.body
  t.strictSame({ state, updated }, { state: 'open', updated: false })
  const { password } = await credentials()
  const seen = await atForge('GET', `/repos/demo/hello/pulls/${prNumber}`, password)
  t.match(seen.body, { title: 'Add one', user: { login: 'alice' } }, 'opened as alice herself')
  t.match(seen.body.body, `${config.controlPlaneUrl}/s/${sid}`)
  const again = await as(alice, 'POST', `/sessions/${sid}/pr`, { title: 'Add 1', body: 'Please' })
  t.match(again.body, { prNumber, updated: true })

  const token = await personalToken('bob')
  await atForge('PUT', `/repos/demo/hello/pulls/${prNumber}/merge`, token)
  await stateIs(sid, 'merged')
  t.match(await pullOf(sid), { metadata: { number: prNumber, title: 'Add 1' } })
})

t.test('a comment of who may is a prompt', async t => {
  const opened = await as(alice, 'POST', '/sessions', { repoOwner: 'demo', repoName: 'hello' })
  const id = opened.body.sessionId
  await push(`open-inspect/${id}`, 'two.txt')
  const { prNumber } = (await as(alice, 'POST', `/sessions/${id}/pr`, { title: 'Two', body: 'x' }))
    .body
  const token = await personalToken('bob')
  await atForge('POST', `/repos/demo/hello/issues/${prNumber}/comments`, token, {
    body: 'Why two?',
  })
  const queued = await untilEvents(bus, id, 'prompt_queued', all => all.length > 0)
  t.match(queued, [{ source: 'github', content: /^bob commented on pull request(.|\n)*Why two\?/ }])
})

t.test('two processes spend a refresh token once', async t => {
  settings.userTokenMs = 60_000
  const { jar } = await signIn('alice')
  settings.userTokenMs = HOURS
  const { userId } = (await as(jar, 'GET', '/me')).body
  const asked = { v: 1, type: 'repository', owner: 'demo', name: 'hello', userId } as const
  const before = { ...forge.refreshes }
  await Promise.all(Array.from({ length: 30 }, () => askGithub(bus, asked)))
  t.strictSame(forge.refreshes, { good: before.good + 1, refused: before.refused })
})

t.test('a code is spent once, and only with its verifier', async t => {
  const jar: Jar = new Map()
  const { url } = await browse(jar, `${api.origin}/login/github`)
  const form = new URLSearchParams(new URL(url).searchParams)
  form.set('login', 'bob')
  const answer = await fetch(`${app.url}/login/oauth/authorize`, {
    method: 'POST',
    headers: { origin: app.url },
    body: form,
    redirect: 'manual',
  })
  const code = new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? ''
  const redirectUri = `${config.controlPlaneUrl}/login/github/callback`
  const stolen = { v: 1, type: 'sign_in', code, codeVerifier: 'a guess', redirectUri } as const
  t.equal(await askGithub(bus, stolen).then(String, codeOf), 'SIGN_IN_FAILED')
})

t.test('webhooks that nobody took are asked for again', async t => {
  const opened = await as(alice, 'POST', '/sessions', { repoOwner: 'demo', repoName: 'hello' })
  const id = opened.body.sessionId
  await push(`open-inspect/${id}`, 'three.txt')
  const { prNumber } = (
    await as(alice, 'POST', `/sessions/${id}/pr`, { title: 'Three', body: 'x' })
  ).body
  await api.stop()
  const token = await personalToken('bob')
  const merged = await atForge('PUT', `/repos/demo/hello/pulls/${prNumber}/merge`, token)
  t.equal(merged.status, 200)
  await forge.hooks.idle()
  t.match(await pullOf(id), { metadata: { state: 'open' } }, 'the api was away')
  await startApi(t, config)
  await stateIs(id, 'merged')
})
