/**
 * Conformance, sandboxes that do not start: points 11 and 12 of the specification, with limits of
 * seconds.
 */
import t from 'tap'
import type { ProviderCall } from '../fixtures/provider.ts'
import type { Frame } from '../fixtures/socket.ts'
import { beat, of, sessionOf, startScene } from './scene.ts'

const scene = await startScene(t, {
  BREAKER_WINDOW_MS: '4000',
  CONNECT_TIMEOUT_MS: '3000',
  SPAWN_COOLDOWN_MS: '100',
})
const { provider } = scene

/** Answers creating in a way of its own, until the test ends. */
const answering = (
  t: { teardown(end: () => void): unknown },
  create: (call: ProviderCall) => object | undefined | Promise<object | undefined>,
) => {
  const accepts = provider.answer
  provider.answer = async call =>
    (call.operation === 'create' && (await create(call))) || accepts(call)
  t.teardown(() => {
    provider.answer = accepts
  })
}

t.test('11 a provider that refuses three times', async t => {
  let refusing = true
  const asked: string[] = []
  let begin = () => {}
  const watched = new Promise<void>(resolve => {
    begin = resolve
  })
  answering(t, async call => {
    asked.push(sessionOf(call))
    await watched
    return refusing ? { success: false, error: 'no capacity' } : undefined
  })
  const sid = await scene.session()
  const client = await scene.client(t, sid)
  const messageId = await scene.prompt(sid, 'waits for a sandbox')
  begin()
  for (let n = 0; n < 3; n++) await scene.spawned(sid)
  await client.until(of('sandbox_status', { status: 'failed' }))
  t.match(await scene.messages(sid), [{ id: messageId, status: 'pending' }])

  // While the breaker is open, who asks is told when it goes on, and the provider is left in peace.
  const refused = (frame: Frame) =>
    frame.type === 'sandbox_error' && !/next attempt/.test(frame.error)
  let from = 0
  for (let n = 0; n < 3; n++) {
    await client.until(refused, from)
    from = client.frames.findIndex((frame, i) => i >= from && refused(frame)) + 1
  }
  t.match(await scene.show(sid), { spawnError: /no capacity/ }, 'a reload shows the reason')
  await scene.prompt(sid, 'asks again')
  const blocked = await client.until('sandbox_error', from)
  t.match(blocked.error, /\b[1-4] seconds/)
  t.equal(asked.filter(one => one === sid).length, 3)

  refusing = false
  const sandbox = await scene.sandbox(t, sid)
  t.equal(asked.filter(one => one === sid).length, 4, 'one attempt')
  t.match(await sandbox.prompt(0), { messageId }, 'without anybody asking')
  t.match(await scene.show(sid), { sandbox: { status: 'ready' }, spawnError: null })
})

t.test('12 a provider that hangs', async t => {
  const hanging = new Set<string>()
  const first: ProviderCall[] = []
  answering(t, call => {
    if (first.length === 0) first.push(call)
    return hanging.size === 0 && first[0] === call
      ? new Promise<object>(resolve => {
          hanging.add(sessionOf(call))
          t.teardown(() => resolve({ success: false }))
        })
      : undefined
  })
  const sid = await scene.session()
  const client = await scene.client(t, sid)
  const messageId = await scene.prompt(sid, 'waits')
  const hung = await scene.spawned(sid)
  t.ok(hanging.has(sid))
  await client.until(of('sandbox_status', { status: 'failed' }))
  t.match(await client.until('sandbox_error'), { error: /did not connect within 3 seconds/ })
  const sandbox = await scene.sandbox(t, sid)
  t.not(sandbox.sandboxId, hung.body.sandbox_id)
  t.match(await sandbox.prompt(0), { messageId }, 'tried again without anybody asking')
})

t.test('12 a bridge that comes late heals it', async t => {
  const sid = await scene.session()
  const client = await scene.client(t, sid)
  const asked = await scene.spawned(sid)
  // Nothing waits, so nothing replaces it.
  if (client.subscribed.session.sandboxStatus !== 'failed') {
    await client.until(of('sandbox_status', { status: 'failed' }))
  }
  const sandbox = await scene.sandbox(t, sid, asked)
  beat(sandbox)
  await client.until(of('sandbox_status', { status: 'ready' }))
  t.match(await scene.show(sid), { sandbox: { status: 'ready' }, spawnError: null })
  const messageId = await scene.prompt(sid, 'works')
  t.match(await sandbox.prompt(0), { messageId })
})
