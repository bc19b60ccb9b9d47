/** Whom the limit of attempts to sign in counts: the client, or whoever brings its request. */
import t from 'tap'
import { startBus } from '../fixtures/bus.ts'
import { githubTestConfig, startApi } from '../fixtures/github.ts'

const { nats } = await startBus(t)

const started = async (env: Readonly<Record<string, string>>) => {
  const config = await githubTestConfig(t, nats.url, { GIT_HOST: 'none', ...env })
  const { origin } = await startApi(t, config)
  /** The answer to an attempt that came for `forwarded`. */
  const attempt = async (forwarded: string) => {
    const headers = { 'x-forwarded-for': forwarded }
    return (await fetch(`${origin}/login?code=guess`, { headers })).status
  }
  const exhaust = async (forwarded: string) => {
    for (let i = 0; i < 30; i++) await attempt(forwarded)
  }
  return { attempt, exhaust }
}

t.test('behind a proxy that is trusted, each client by itself', async t => {
  const { attempt, exhaust } = await started({ TRUST_PROXY: '127.0.0.0/8' })
  await exhaust('192.0.2.1')
  t.equal(await attempt('192.0.2.1'), 429)
  t.equal(
    await attempt('198.51.100.7, 192.0.2.1'),
    429,
    'what a client says itself is not believed',
  )
  t.equal(await attempt('192.0.2.2'), 403, 'another client is not held up')
})

t.test('by default nobody is believed', async t => {
  const { attempt, exhaust } = await started({})
  await exhaust('192.0.2.1')
  t.equal(await attempt('192.0.2.2'), 429)
})
