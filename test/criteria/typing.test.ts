/** Criterion 8: typing gets a sandbox ready. */
import t from 'tap'
import { connectSandbox, startProvider } from '../fixtures/provider.ts'
import { subscribe } from '../fixtures/socket.ts'
import { startSystem } from '../fixtures/system.ts'

t.test('typing warms the sandbox of a session that has none', async t => {
  const provider = await startProvider(t)
  const system = await startSystem(t, { provider, env: { SANDBOX_INACTIVITY_TIMEOUT_MS: '300' } })
  const [edge = ''] = system.edges
  const sid = await system.createSession()
  // The one that creation warmed falls asleep, since nobody watches and nothing is asked of it.
  const first = await connectSandbox(t, edge, await provider.until('create'))
  t.equal((await first.closed).code, 1000)
  const seen = provider.calls.length

  const socket = await subscribe(t, edge, { sid, token: await system.wsToken(sid, 'alice') })
  t.equal(socket.subscribed.session.sandboxStatus, 'stopped')
  socket.send({ type: 'typing' })
  const warming = await socket.until('sandbox_warming')
  t.ok(warming)
  const isNext = (body: Record<string, unknown>) => body.sandbox_id !== first.sandboxId
  const next = await provider.until('create', isNext, seen)
  await connectSandbox(t, edge, next)
  await socket.until(frame => frame.type === 'sandbox_status' && frame.status === 'ready')
})
