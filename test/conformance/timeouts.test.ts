/**
 * Conformance, what time does to a sandbox and to a run: points 8, 9, 10, 15 and 16 of the
 * specification, with limits of seconds. A sandbox that is left alone tells when a limit has passed.
 */
import t from 'tap'
import { connectSandbox, type TestSandbox } from '../fixtures/provider.ts'
import { beat, event, of, refusal, sessionOf, startScene } from './scene.ts'

const scene = await startScene(t, {
  HEARTBEAT_STALE_MS: '1500',
  SANDBOX_INACTIVITY_TIMEOUT_MS: '1000',
  INACTIVITY_EXTENSION_MS: '1000',
  STOP_CONFIRMATION_MS: '1000',
  EXECUTION_TIMEOUT_MS: '6000',
  SPAWN_COOLDOWN_MS: '100',
  PRESENCE_SETTLES_MS: '1000',
})
const { provider, call } = scene

const TIMED_OUT = 'Execution timed out (stuck processing)'
const STOPPED = 'Execution was stopped'

/** Runs one prompt to its end; resolves once the provider is asked for an image of what came of it. */
const ranOnce = async (sid: string, sandbox: TestSandbox): Promise<void> => {
  const messageId = await scene.prompt(sid, 'something to keep')
  await sandbox.until(of('prompt', { messageId }))
  sandbox.complete(messageId)
  await provider.until('snapshot', body => body.session_id === sid)
}

// The idle session of point 10 is left alone while the other points run.
const idle = await scene.session()
const idleSandbox = await scene.sandbox(t, idle)
beat(idleSandbox)
await ranOnce(idle, idleSandbox)

t.test('8 a silent sandbox', async t => {
  const sid = await scene.session()
  const client = await scene.client(t, sid)
  const sandbox = await scene.sandbox(t, sid)
  const beating = beat(sandbox)
  await ranOnce(sid, sandbox)
  const { imageId } = await client.until(of('snapshot_saved', { reason: 'execution_complete' }))
  const running = await scene.prompt(sid, 'running')
  const waiting = await scene.prompt(sid, 'waiting')
  await sandbox.until(of('prompt', { messageId: running }))
  beating.stop()
  await client.until(of('sandbox_status', { status: 'stale' }))
  t.same(await sandbox.closed, { code: 1000, reason: 'Heartbeat stale' })
  t.ok(sandbox.frames.some(of('shutdown')))
  t.match(await client.until(event('execution_complete', { messageId: running })), {
    event: { success: false, error: TIMED_OUT },
  })
  const next = await scene.sandbox(t, sid)
  beat(next)
  t.not(next.sandboxId, sandbox.sandboxId)
  t.equal(next.asked.operation, 'restore')
  const images = client.frames.filter(of('snapshot_saved')).map(frame => frame.imageId)
  t.ok(images.includes(imageId))
  t.ok(images.includes(next.asked.body.snapshot_image_id), 'from an image of what was done')
  t.match(await next.prompt(0), { messageId: waiting, content: 'waiting' })
  t.match(await refusal(connectSandbox(t, scene.edge(), sandbox.asked.body)), /refused (403|410)/)
  next.complete(waiting)
  await client.until(event('execution_complete', { messageId: waiting, success: true }))
  t.match(await scene.messages(sid), [
    { id: waiting, status: 'completed' },
    { id: running, status: 'failed', errorMessage: TIMED_OUT },
    { status: 'completed' },
  ])
})

t.test('9 a quiet run, far beyond the limits for silence and for inactivity', async t => {
  const sid = await scene.session()
  const sandbox = await scene.sandbox(t, sid)
  beat(sandbox)
  const messageId = await scene.prompt(sid, 'sleep 1200')
  await sandbox.prompt(0)
  const tool = { type: 'tool_call', messageId, tool: 'bash', args: {}, callId: 'c', output: '' }
  sandbox.emit({ ...tool, status: 'running' })

  // Two that begin after it, one after the other, and say nothing: they show how time passes.
  for (const left of ['left alone', 'left alone again']) {
    const other = await scene.session()
    const watcher = await scene.client(t, other)
    await scene.sandbox(t, other)
    await watcher.until(of('sandbox_status', { status: 'stale' }))
    t.match(await scene.messages(sid), [{ id: messageId, status: 'processing' }], left)
  }
  t.equal(sandbox.socket.readyState, sandbox.socket.OPEN)
  t.notOk(sandbox.frames.some(of('shutdown')))
  sandbox.emit({ ...tool, status: 'completed', output: 'rested' })
  sandbox.complete(messageId)
  await sandbox.until(of('ack', { ackId: `execution_complete:${messageId}` }))
  t.match(await scene.messages(sid), [{ id: messageId, status: 'completed' }])
})

t.test('15 stop', async t => {
  const sid = await scene.session()
  const client = await scene.client(t, sid)
  const sandbox = await scene.sandbox(t, sid)
  beat(sandbox)
  t.match(await call('POST', `/sessions/${sid}/stop`), { status: 200 }, 'nothing runs: no error')
  const first = await scene.prompt(sid, 'first')
  const second = await scene.prompt(sid, 'second')
  const third = await scene.prompt(sid, 'third')
  await sandbox.prompt(0)

  t.match(await call('POST', `/sessions/${sid}/stop`), {
    status: 200,
    body: { status: 'stopping' },
  })
  t.match(await client.until(event('execution_complete', { messageId: first })), {
    event: { success: false, error: STOPPED },
  })
  await client.until(of('processing_status', { isProcessing: false }))
  t.match(await scene.messages(sid, '?status=failed'), [{ id: first }], 'failed at once')
  await sandbox.until('stop')
  t.equal(sandbox.frames.filter(of('prompt')).length, 1, 'nothing starts before it has let go')
  sandbox.complete(first, false)
  t.match(await sandbox.prompt(1), { messageId: second }, 'confirmed, the queue goes on')

  client.send({ type: 'stop', clientRequestId: 's' })
  await sandbox.until(of('stop'), sandbox.frames.findLastIndex(of('prompt')))
  // This one is not confirmed.
  t.equal((await sandbox.closed).reason, 'Stop confirmation timed out')
  await client.until(of('sandbox_status', { status: 'stale' }))
  const next = await scene.sandbox(t, sid)
  beat(next)
  t.match(await next.prompt(0), { messageId: third }, 'on another sandbox')
  next.complete(third)
  await client.until(event('execution_complete', { messageId: third, success: true }))
  const ends = client.frames.filter(event('execution_complete'))
  t.same(
    ends.map(frame => frame.event.messageId),
    [first, second, third],
    'each ended once',
  )
})

t.test('16 a run that takes too long', async t => {
  const sid = await scene.session()
  const client = await scene.client(t, sid)
  const sandbox = await scene.sandbox(t, sid)
  beat(sandbox)
  const messageId = await scene.prompt(sid, 'for ever')
  const next = await scene.prompt(sid, 'next')
  await sandbox.prompt(0)
  t.match(await client.until(event('execution_complete', { messageId })), {
    event: { success: false, error: TIMED_OUT },
  })
  t.match(await scene.messages(sid, '?status=failed'), [{ id: messageId, errorMessage: TIMED_OUT }])
  await sandbox.until('stop')
  sandbox.complete(messageId, false)
  t.match(await sandbox.prompt(1), { messageId: next }, 'the queue is not stuck behind it')
})

t.test('10 inactivity', async t => {
  await t.test('somebody is there: a warning and more time', async t => {
    const sid = await scene.session()
    const client = await scene.client(t, sid)
    const sandbox = await scene.sandbox(t, sid)
    beat(sandbox)
    const from = client.frames.length
    await client.until('sandbox_warning')
    const first = client.frames.findIndex(of('sandbox_warning'))
    t.match(
      await client.until('sandbox_warning', first + 1),
      { message: /idle/ },
      'again and again',
    )
    t.match(await scene.show(sid), { sandbox: { status: 'ready' } })
    t.same(client.frames.slice(from).filter(of('sandbox_status', { status: 'stopped' })), [])
    const messageId = await scene.prompt(sid, 'still usable')
    t.match(await sandbox.prompt(0), { messageId })
  })

  await t.test('nobody is there: stopped, and not let in again', async t => {
    t.same(await idleSandbox.closed, { code: 1000, reason: 'Inactivity timeout' })
    t.ok(idleSandbox.frames.some(of('shutdown')), 'told before its socket is closed')
    await provider.until('stop', body => body.session_id === idle)
    const asked = provider.calls.filter(one => sessionOf(one) === idle)
    t.same(
      asked.map(one => one.operation),
      ['create', 'snapshot', 'stop'],
      'an image is taken before it is stopped',
    )
    t.match(await scene.show(idle), { sandbox: { status: 'stopped' } })
    t.equal(
      await refusal(connectSandbox(t, scene.edge(), idleSandbox.asked.body)),
      'refused 410: Sandbox is stopped',
    )
    const messageId = await scene.prompt(idle, 'somebody is back')
    const next = await scene.sandbox(t, idle)
    t.equal(next.asked.operation, 'restore', 'a prompt brings it back')
    t.match(await next.prompt(0), { messageId })
  })
})
