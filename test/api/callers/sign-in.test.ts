/** How a person's browser gets its cookie, and what it may do with it. */
import t from 'tap'
import { startSystem } from '../../fixtures/system.ts'

const system = await startSystem(t, { apis: 2 })
const [api = '', other = ''] = system.apis

type Options = {
  cookie?: string
  body?: object | URLSearchParams
  headers?: Record<string, string>
}

const visit = async (method: string, url: string, { cookie, body, headers }: Options = {}) => {
  const form = body instanceof URLSearchParams
  const answer = await fetch(url, {
    method,
    redirect: 'manual',
    headers: {
      ...(cookie ? { cookie } : {}),
      ...(body && !form ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    ...(body ? { body: form ? body : JSON.stringify(body) } : {}),
  })
  const text = await answer.text()
  const given = answer.headers.getSetCookie()[0]
  return {
    status: answer.status,
    location: answer.headers.get('location'),
    setCookie: given,
    cookie: given?.split(';')[0],
    headers: answer.headers,
    text,
    // biome-ignore lint/suspicious/noExplicitAny: tests read whatever comes
    json: (): any => JSON.parse(text),
  }
}

const login = `/login?code=${system.signinCode}`
let developer = ''
let guest = ''

t.test('the printed link signs the developer in, once', async t => {
  t.equal((await visit('HEAD', `${api}${login}`)).status, 404, 'a look at it does not count')
  const both = await Promise.all([api, other].map(origin => visit('GET', `${origin}${login}`)))
  const signedIn = both.filter(({ status }) => status === 303)
  t.equal(signedIn.length, 1, 'of two at once, over two processes, one')
  const [won] = signedIn
  t.equal(won?.location, '/')
  t.match(won?.setCookie, /; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Strict$/)
  developer = won?.cookie ?? ''
  const late = await visit('GET', `${api}${login}`)
  t.equal(late.status, 403)
  t.match(late.text, /stop <code>npm start<\/code> and run it again/, 'and it says what to do')
  t.equal(late.setCookie, undefined)
  const again = await visit('GET', `${other}${login}`, { cookie: developer })
  t.match(again, { status: 303, location: '/' }, 'the same browser just goes on')
})

t.test('the page', async t => {
  const page = await visit('GET', `${api}/`, { cookie: developer })
  t.equal(page.status, 200)
  t.match(page.text, '<script type="module" src="/assets/console.js">')
  const policy = page.headers.get('content-security-policy')
  t.match(policy, /default-src 'none'.*script-src 'self'/)
  t.notMatch(policy, /unsafe/)
  for (const name of ['console.js', 'console.css', 'icon.svg']) {
    const asset = await visit('GET', `${api}/assets/${name}`)
    t.equal(asset.status, 200, name)
    const etag = asset.headers.get('etag') ?? ''
    const kept = await visit('GET', `${api}/assets/${name}`, { headers: { 'if-none-match': etag } })
    t.equal(kept.status, 304)
    t.ok(asset.text.length < 200_000, `${name}: ${asset.text.length} bytes`)
  }
  t.match(await visit('GET', `${api}/`), { status: 401, text: /npm start/ })
  t.match(await visit('GET', `${api}/s/abc`, { cookie: developer }), { status: 200 })
})

t.test('a person acts as who the cookie says, whatever the body says', async t => {
  const cookie = developer
  const me = (await visit('GET', `${api}/me`, { cookie })).json()
  t.match(me, { userId: 'developer', role: 'developer', name: String })
  const body = { repoOwner: 'demo', repoName: 'hello', userId: 'mallory' }
  const created = await visit('POST', `${api}/sessions`, { cookie, body })
  t.equal(created.status, 201)
  const path = `/sessions/${created.json().sessionId}`
  const token = await visit('POST', `${api}${path}/ws-token`, {
    cookie,
    body: { userId: 'mallory' },
  })
  t.equal(token.status, 200)
  const prompt = { content: 'x', authorId: 'mallory', source: 'slack' }
  await visit('POST', `${other}${path}/prompt`, { cookie, body: prompt })
  const { participants } = (await system.call('GET', `${path}/participants`)).body
  t.match(participants, [{ userId: 'developer', role: 'owner', githubName: me.name }])
  t.equal(participants.length, 1)
  t.match((await system.call('GET', `${path}/messages`)).body.messages, [{ source: 'web' }])
})

t.test('a cookie counts only for requests of our own page', async t => {
  const cookie = developer
  const body = { repoOwner: 'demo', repoName: 'hello' }
  const from = (headers: Record<string, string>) =>
    visit('POST', `${api}/sessions`, { cookie, body, headers })
  t.equal((await from({ origin: 'http://127.0.0.1:1' })).status, 401, 'another port')
  t.equal((await from({ origin: 'null' })).status, 401)
  t.equal((await from({ 'sec-fetch-site': 'same-site' })).status, 401)
  t.equal((await from({ 'sec-fetch-site': 'cross-site' })).status, 401)
  t.equal((await from({ origin: api, 'sec-fetch-site': 'same-origin' })).status, 201)
  const [value = '', signature = ''] = cookie.split('.')
  const forged = `${value}.${signature.slice(1)}`
  t.equal((await visit('GET', `${api}/me`, { cookie: forged })).status, 401)
})

t.test('an invitation', async t => {
  const sid = await system.createSession()
  const invite = (cookie: string, body: object) => visit('POST', `${api}/invites`, { cookie, body })
  t.equal((await invite(developer, { name: ' ' })).status, 400)
  const made = await invite(developer, { name: 'Bob <b>', sessionId: sid })
  t.equal(made.status, 201)
  const { path } = made.json()
  const shown = await visit('GET', `${other}${path}`)
  t.equal(shown.status, 200)
  t.match(shown.text, 'Join as Bob &lt;b&gt;', 'is shown, with nothing in it but text')
  t.equal(shown.setCookie, undefined, 'and not used up by that')
  const code = new URL(path, api).searchParams.get('code') ?? ''
  const form = new URLSearchParams({ code })
  const all = await Promise.all(
    [api, other].map(to => visit('POST', `${to}/login`, { body: form })),
  )
  t.strictSame(all.map(({ status }) => status).sort(), [303, 403], 'one joins')
  const bob = all.find(({ status }) => status === 303)
  t.equal(bob?.location, `/s/${sid}`, 'and sees the session')
  const cookie = bob?.cookie ?? ''
  const me = (await visit('GET', `${api}/me`, { cookie })).json()
  t.match(me, { name: 'Bob <b>', role: 'guest', userId: /^guest-/ })
  t.match(await invite(cookie, { name: 'Eve' }), { status: 403 }, 'a guest invites nobody')
  t.equal((await visit('GET', `${api}${path}`)).status, 403, 'the link is used up')
  guest = cookie
})

t.test('a guest ends what is their own, the developer everything', async t => {
  const cookie = guest
  const theirs = await system.createSession()
  const at = (sid: string, path = '') => `${api}/sessions/${sid}${path}`
  for (const [method, path] of [
    ['DELETE', ''],
    ['POST', '/archive'],
    ['POST', '/cancel'],
  ] as const) {
    const answer = await visit(method, at(theirs, path), { cookie })
    t.match(answer, { status: 403 }, `${method} ${path}`)
    t.match(answer.json(), { code: 'FORBIDDEN', error: /Only the session's owner or the dev/ })
  }
  const adding = { cookie, body: { userId: 'eve' } }
  t.match(await visit('POST', at(theirs, '/participants'), adding), { status: 403 })
  const body = { repoOwner: 'demo', repoName: 'hello' }
  const mine = (await visit('POST', `${api}/sessions`, { cookie, body })).json().sessionId
  t.match(await visit('POST', at(mine, '/archive'), { cookie }), { status: 200 })
  t.match(await visit('POST', at(mine, '/unarchive'), { cookie }), { status: 200 })
  t.match(await visit('POST', at(mine, '/cancel'), { cookie }), { status: 200 })
  t.match(await visit('DELETE', at(mine), { cookie }), { status: 200 })
  t.match(await visit('DELETE', at(theirs), { cookie: developer }), { status: 200 })
})

t.test('what a person has read', async t => {
  const sid = await system.createSession()
  const path = `/sessions/${sid}/read-state`
  const cookie = guest
  t.match((await visit('PATCH', `${api}${path}`, { cookie })).json(), { unread: false })
  const unread = await visit('PATCH', `${other}${path}`, { cookie, body: { unread: true } })
  t.match(unread.json(), { unread: true })
  t.equal((await visit('PATCH', `${api}${path}`, { cookie, body: { seen: 1 } })).status, 400)
  const listed = (await visit('GET', `${api}/sessions`, { cookie })).json().sessions
  t.equal(listed.find((one: { id: string }) => one.id === sid)?.unread, false, 'nothing ended yet')
  t.notOk(
    'unread' in (await system.call('GET', '/sessions')).body.sessions[0],
    'services read none',
  )
})

t.test('signing out', async t => {
  const out = await visit('POST', `${api}/logout`, { cookie: developer })
  t.match(out, { status: 303, location: '/login' })
  t.match(out.setCookie, /^signin=;/)
})

t.test('guessing is slowed down', async t => {
  const statuses = new Set<number>()
  for (let i = 0; i < 60; i++) {
    statuses.add((await visit('GET', `${other}/login?code=${i}`)).status)
  }
  t.ok(statuses.has(429))
  t.equal((await visit('GET', `${other}/health`)).status, 200, 'and nothing else is')
})
