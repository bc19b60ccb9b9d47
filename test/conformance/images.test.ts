/**
 * Conformance, images of sandboxes over the wire: whole ones only (spec 4.3), taken before every end
 * (4.4, 4.6), and what happens when one cannot be started. Also a deletion while a sandbox is under way.
 */
import t from 'tap'
import type { ProviderCall, TestSandbox } from '../fixtures/provider.ts'
import { beat, event, of, sessionOf, startScene } from './scene.ts'

const scene = await startScene(t, {
  HEARTBEAT_STALE_MS: '1500',
  SNAPSHOT_TIMEOUT_MS: '4000',
  SPAWN_COOLDOWN_MS: '100',
})
const { provider, call } = scene

/** Keeps the provider's answers to one kind of call (about a session) until they are released. */
const holding = (operation: string, sid?: string) => {
  const released = Promise.withResolvers<object | undefined>()
  const before = provider.answer
  provider.answer = async one =>
    one.operation === operation && (!sid || sessionOf(one) === sid)
      ? ((await released.promise) ?? before(one))
      : before(one)
  t.teardown(() => released.resolve(undefined))
  return (answer?: object) => {
    provider.answer = before
    released.resolve(answer)
  }
}

const callsOf = (sid: string): string[] =>
  provider.calls.filter((one: ProviderCall) => sessionOf(one) === sid).map(one => one.operation)

/** Runs a prompt to its end on a sandbox; resolves once an image of it is asked for. */
const ranOnce = async (sid: string, sandbox: TestSandbox): Promise<void> => {
  const messageId = await scene.prompt(sid, 'first')
  await sandbox.until(of('prompt', { messageId }))
  sandbox.complete(messageId)
  await provider.until('snapshot', body => body.session_id === sid)
}

t.test('no prompt starts while an image is taken', async t => {
  const sid = await scene.session()
  const release = holding('snapshot', sid)
  const client = await scene.client(t, sid)
  const sandbox = await scene.sandbox(t, sid)
  beat(sandbox)
  await ranOnce(sid, sandbox)
  await client.until(of('sandbox_status', { status: 'snapshotting' }))
  const from = client.frames.length
  const second = await scene.prompt(sid, 'second')
  t.match(await scene.show(sid), { sandbox: { status: 'snapshotting' } })
  t.match(await scene.messages(sid, '?status=pending'), [{ id: second }])
  release()
  await sandbox.until(of('prompt', { messageId: second }))
  await client.until(event('user_message', { messageId: second }), from)
  t.same(
    client.frames
      .slice(from)
      .filter(one => /^(snapshot_saved|sandbox_status|processing_status)$/.test(one.type))
      .map(one => one.status ?? one.type),
    ['snapshot_saved', 'ready', 'processing_status'],
    'saved, then ready, then the prompt',
  )
})

t.test('an image that never comes does not hold the queue for ever', async t => {
  const sid = await scene.session()
  const release = holding('snapshot', sid)
  const client = await scene.client(t, sid)
  const sandbox = await scene.sandbox(t, sid)
  beat(sandbox)
  await ranOnce(sid, sandbox)
  const second = await scene.prompt(sid, 'second')
  t.match(await sandbox.prompt(1), { messageId: second })
  release({ success: true, data: { image_id: 'torn' } })
  sandbox.complete(second)
  const { imageId } = await client.until('snapshot_saved')
  t.not(imageId, 'torn', 'the one that came while the next prompt ran is not kept')
})

t.test('a silent sandbox is stopped after its image, and the next begins from that', async t => {
  const sid = await scene.session()
  const client = await scene.client(t, sid)
  const sandbox = await scene.sandbox(t, sid)
  const beating = beat(sandbox)
  const messageId = await scene.prompt(sid, 'runs')
  const waiting = await scene.prompt(sid, 'waits')
  await sandbox.until(of('prompt', { messageId }))
  const release = holding('snapshot', sid)
  beating.stop()
  await client.until(of('sandbox_status', { status: 'stale' }))
  await provider.until('snapshot', body => body.session_id === sid)
  t.same(callsOf(sid), ['create', 'snapshot'], 'neither stopped nor replaced')
  t.equal(sandbox.socket.readyState, sandbox.socket.OPEN)
  release({ success: true, data: { image_id: 'the-last-image' } })
  t.same(await sandbox.closed, { code: 1000, reason: 'Heartbeat stale' })
  const next = await scene.sandbox(t, sid)
  beat(next)
  t.match(next.asked, { operation: 'restore', body: { snapshot_image_id: 'the-last-image' } })
  t.match(await next.prompt(0), { messageId: waiting })
})

t.test('an image that is gone: a fresh sandbox at once, and people are told', async t => {
  const sid = await scene.session()
  const client = await scene.client(t, sid)
  const sandbox = await scene.sandbox(t, sid)
  const beating = beat(sandbox)
  await ranOnce(sid, sandbox)
  await client.until('snapshot_saved')
  beating.stop()
  await client.until(of('sandbox_status', { status: 'stale' }))
  const release = holding('restore', sid)
  const messageId = await scene.prompt(sid, 'again')
  const restoring = await scene.spawned(sid)
  t.equal(restoring.operation, 'restore')
  release({ success: false, error: 'image not found' })
  const warning = await client.until(
    frame => frame.type === 'sandbox_warning' && /image not found/.test(frame.message),
  )
  t.match(warning.message, /A fresh one starts instead; what was not pushed is missing/)
  const fresh = await scene.sandbox(t, sid)
  t.equal(fresh.asked.operation, 'create')
  t.match(await fresh.prompt(0), { messageId })
  t.match((await scene.events(sid, '?type=warning')).events, [{ data: { scope: 'start' } }])
})

t.test('deleted while its sandbox is under way: what comes up is ended', async t => {
  const release = holding('create')
  const sid = await scene.session()
  await scene.spawned(sid)
  t.match(await call('DELETE', `/sessions/${sid}`), { status: 200, body: { status: 'deleted' } })
  release({ success: true, data: { modal_object_id: 'too-late' } })
  t.match(await provider.until('stop', body => body.session_id === sid), {
    sandbox_id: 'too-late',
    reason: 'Session deleted',
  })
  t.equal((await call('GET', `/sessions/${sid}`)).status, 404, 'and it stays unknown')
})
