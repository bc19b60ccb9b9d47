import t from 'tap'
import { sandboxToken } from '../../../lib/auth/sandbox-token.ts'
import { startSystem } from '../../fixtures/system.ts'

t.test('what a sandbox reports over HTTP', { timeout: 180_000 }, async t => {
  const system = await startSystem(t, {
    env: {
      SANDBOX_PROVIDER: 'http',
      SANDBOX_API_URL: 'http://127.0.0.1:9',
      SANDBOX_API_SECRET: 'none',
    },
  })
  const { call } = system
  const sid = await system.createSession()
  const path = `/sessions/${sid}`
  const status = async () => (await call('GET', path)).body.sandbox?.status
  t.equal(await status(), 'spawning', 'a sandbox is wanted with the session')
  const as = (authorization: string) => ({ headers: { authorization } })
  const present = as(`Bearer ${sandboxToken(system.secret, sid, 1)}`)
  const fatal = { error: 'cannot clone', fatal: true }

  t.match(await call('GET', `${path}/commit-signing`, undefined, present), {
    status: 200,
    body: { enabled: false },
  })
  for (const [who, authorization] of [
    ['nobody', ''],
    ['another session', `Bearer ${sandboxToken(system.secret, 'x', 1)}`],
    ['another generation', `Bearer ${sandboxToken(system.secret, sid, 0)}`],
    ['a later generation', `Bearer ${sandboxToken(system.secret, sid, 2)}`],
  ] as const) {
    t.match(
      await call('POST', `${path}/sandbox-error`, fatal, as(authorization)),
      { status: 401 },
      who,
    )
    t.match(await call('GET', `${path}/commit-signing`, undefined, as(authorization)), {
      status: 401,
    })
  }
  t.match(await call('POST', `${path}/sandbox-error`, fatal), { status: 401 }, 'nor a service')
  t.equal(await status(), 'spawning')

  t.match(await call('POST', `${path}/sandbox-error`, { error: 'a tool failed' }, present), {
    status: 200,
    body: { status: 'noted' },
  })
  t.equal(await status(), 'spawning', 'what is not fatal changes nothing')
  t.match(await call('POST', `${path}/sandbox-error`, {}, present), { status: 400 })
  t.match(await call('POST', `${path}/sandbox-error`, fatal, present), {
    status: 200,
    body: { status: 'failed' },
  })
  const { body } = await call('GET', path)
  t.equal(body.sandbox.status, 'failed', 'at once, not when a watchdog looks')
  t.match(body.spawnError, /cannot clone/)
})
