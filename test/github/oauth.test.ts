/** What OAuth's answers mean, above all whether a refresh token was spent. */
import t from 'tap'
import { openOAuth } from '../../lib/github/oauth.ts'
import { freePort } from '../../lib/process/free-port.ts'
import { codeOf } from '../../subjects/errors.ts'
import { standIn } from './stand-in.ts'

const TOKEN = 'POST /login/oauth/access_token'
const github = await standIn(t)
const NOW = 1_800_000_000_000
const open = (url: string) =>
  openOAuth({ apiUrl: `${url}/api/v3`, url, clientId: 'id', clientSecret: 'secret' }, () => NOW)
const oauth = open(github.url)
const spent = { code: 'code', codeVerifier: 'verifier', redirectUri: 'http://here/back' }

t.test('a code for tokens', async t => {
  let asked: unknown
  github.on(TOKEN, request => {
    asked = request.body
    return {
      access_token: 'ghu_1',
      expires_in: 28_800,
      refresh_token: 'ghr_1',
      refresh_token_expires_in: 100,
    }
  })
  t.strictSame(await oauth.exchange(spent), {
    access: 'ghu_1',
    expiresAtMs: NOW + 28_800_000,
    refresh: 'ghr_1',
    refreshExpiresAtMs: NOW + 100_000,
  })
  t.strictSame(asked, {
    client_id: 'id',
    client_secret: 'secret',
    code: 'code',
    code_verifier: 'verifier',
    redirect_uri: 'http://here/back',
  })
  github.on(TOKEN, () => ({ access_token: 'gho_1' }))
  t.match(
    await oauth.exchange(spent),
    { expiresAtMs: null, refresh: null },
    'of a classic OAuth app',
  )
  github.on(TOKEN, () => ({ error: 'bad_verification_code', error_description: 'It is old' }))
  const refused = await oauth.exchange(spent).catch(error => error)
  t.equal(codeOf(refused), 'SIGN_IN_FAILED', 'an error comes with the status 200')
  t.match(refused.message, 'It is old')
  github.on(TOKEN, (_request, reply) => reply.code(502).send('<html>'))
  t.equal(codeOf(await oauth.exchange(spent).catch(error => error)), 'GITHUB_UNAVAILABLE')
})

t.test('whether a refresh token was spent', async t => {
  const outcome = async () => (await oauth.refresh('ghr_1')).outcome
  github.on(TOKEN, request => {
    t.match(request.body, { grant_type: 'refresh_token', refresh_token: 'ghr_1' })
    return { access_token: 'ghu_2', refresh_token: 'ghr_2' }
  })
  t.equal(await outcome(), 'tokens')
  github.on(TOKEN, () => ({ error: 'bad_refresh_token' }))
  t.equal(await outcome(), 'refused')
  github.on(TOKEN, () => ({ error: 'incorrect_client_credentials' }))
  t.equal(await outcome(), 'unspent', 'our own mistake')
  github.on(TOKEN, (_request, reply) => reply.code(503).send({}))
  t.equal(await outcome(), 'unspent')
  github.on(TOKEN, (_request, reply) => reply.raw.destroy())
  t.equal(await outcome(), 'unknown', 'a connection that breaks under the call says nothing')
  github.on(TOKEN, () => ({ strange: true }))
  t.equal(await outcome(), 'unknown')
  const nobody = open(`http://127.0.0.1:${await freePort()}`)
  t.equal((await nobody.refresh('ghr_1')).outcome, 'unspent', 'nobody was there')
})
