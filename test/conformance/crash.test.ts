/**
 * Conformance, point 6 of the specification: every process of the control plane is killed at each step
 * of a prompt. None is lost, none runs twice, the queue moves.
 */
import t from 'tap'
import type { Role } from '../fixtures/child-process.ts'
import { type Frame, subscribe } from '../fixtures/socket.ts'
import { ackOf, COPIES, event, eventually, of, startScene } from './scene.ts'

// Everything is started anew several times.
t.setTimeout(300_000)

const scene = await startScene(t)
const { system } = scene

const each = (role: Role) => Array.from({ length: COPIES }, (_, n) => system.process(role, n))
/** As a power cut does, all copies of a role at once; resolves when they are back. */
const cut = async (...roles: readonly Role[]) => {
  const all = roles.flatMap(each)
  await Promise.all(all.map(one => one.kill()))
  await Promise.all(all.map(one => one.start()))
}

const begin = async (t: Parameters<typeof scene.client>[0]) => {
  const sid = await scene.session()
  const sandbox = await scene.sandbox(t, sid)
  return { sid, sandbox }
}

/** What must be true in the end, whatever was killed. */
const bothRanOnce = async (t: Tap, sid: string, [first, second]: readonly string[]) => {
  t.match(
    await eventually(
      () => scene.messages(sid),
      messages => messages.every(one => one.status === 'completed'),
    ),
    [{ id: second }, { id: first }],
  )
  const token = await system.wsToken(sid, 'late')
  const { subscribed } = await subscribe(t, scene.edge(), { sid, token })
  const kinds = subscribed.timeline.events
    .map((item: Frame) => [item.event.type, item.event.messageId])
    .filter(([type]: [string]) => type === 'user_message' || type === 'execution_complete')
  t.same(
    kinds,
    [
      ['user_message', first],
      ['execution_complete', first],
      ['user_message', second],
      ['execution_complete', second],
    ],
    'each began and ended once',
  )
}
type Tap = typeof t

t.test('6 killed between claim and send', async t => {
  const { sid, sandbox } = await begin(t)
  // An open socket is not yet a sandbox that the owner knows of, and a still edge announces none.
  await eventually(
    () => scene.show(sid),
    ({ sandbox }) => sandbox.status === 'ready',
  )
  // The edges stand still, so what the owner decides does not get to the sandbox.
  for (const edge of each('edge')) edge.pause()
  const ids = [await scene.prompt(sid, 'first'), await scene.prompt(sid, 'second')]
  await eventually(
    () => scene.messages(sid, '?status=processing'),
    found => found.length === 1,
  )
  await cut('owner', 'edge')
  await sandbox.closed
  t.equal(sandbox.frames.filter(of('prompt')).length, 0, 'it was not sent')
  const again = await scene.sandbox(t, sid, sandbox.asked)
  for (const [i, id] of ids.entries()) {
    t.match(await again.prompt(i), { messageId: id })
    again.complete(id)
    await again.until(ackOf(id))
  }
  await bothRanOnce(t as Tap, sid, ids)
})

for (const roles of [['owner'], ['edge'], ['owner', 'edge', 'api', 'sandboxes']] as const) {
  t.test(`6 killed between send and completion: ${roles.join(', ')}`, async t => {
    const { sid, sandbox } = await begin(t)
    const ids = [await scene.prompt(sid, 'first'), await scene.prompt(sid, 'second')]
    const [first = '', second = ''] = ids
    t.match(await sandbox.prompt(0), { messageId: first })
    sandbox.emit({
      type: 'tool_call',
      messageId: first,
      callId: 'c',
      tool: 'bash',
      status: 'running',
    })
    await eventually(
      () => scene.events(sid),
      ({ events }) => events.some((one: Frame) => one.type === 'tool_call'),
    )
    const killed = roles as readonly Role[]
    if (killed.includes('sandboxes')) {
      await Promise.all([cut('owner', 'edge', 'api'), system.process('sandboxes').kill()])
      await system.process('sandboxes').start()
    } else await cut(...killed)
    const lost = killed.includes('edge')
    if (lost) await sandbox.closed
    const bridge = lost ? await scene.sandbox(t, sid, sandbox.asked) : sandbox
    bridge.complete(first)
    t.match(await bridge.until(of('prompt', { messageId: second })), { content: 'second' })
    const sent = [...new Set([...sandbox.frames, ...bridge.frames])].filter(of('prompt'))
    t.same(
      sent.map(frame => frame.messageId),
      ids,
      'none was sent twice',
    )
    bridge.complete(second)
    await bridge.until(ackOf(second))
    await bothRanOnce(t as Tap, sid, ids)
  })
}

t.test('6 killed as soon as the end is stored', async t => {
  const { sid, sandbox } = await begin(t)
  const client = await scene.client(t, sid)
  const ids = [await scene.prompt(sid, 'first'), await scene.prompt(sid, 'second')]
  const [first = '', second = ''] = ids
  await sandbox.prompt(0)
  sandbox.complete(first)
  await client.until(event('execution_complete', { messageId: first }))
  await cut('owner')
  t.match(await sandbox.prompt(1), { messageId: second })
  t.equal(sandbox.frames.filter(of('prompt')).length, 2)
  sandbox.complete(second)
  await sandbox.until(ackOf(second))
  await bothRanOnce(t as Tap, sid, ids)
})

t.test('6 killed between the end and the image of it', async t => {
  const accepts = scene.provider.answer
  // The provider has been asked, and does not answer while it is asked by who is killed.
  let isDown = true
  scene.provider.answer = call =>
    call.operation === 'snapshot' && isDown ? new Promise<object>(() => {}) : accepts(call)
  t.teardown(() => {
    scene.provider.answer = accepts
  })
  const { sid, sandbox } = await begin(t)
  const first = await scene.prompt(sid, 'first')
  await sandbox.prompt(0)
  sandbox.complete(first)
  await scene.provider.until('snapshot', body => body.session_id === sid)
  await Promise.all(each('owner').map(one => one.kill()))
  await system.process('sandboxes').kill()
  isDown = false
  await Promise.all([...each('owner'), system.process('sandboxes')].map(one => one.start()))
  const client = await scene.client(t, sid)
  const second = await scene.prompt(sid, 'second')
  t.match(await sandbox.prompt(1), { messageId: second }, 'nothing waits for an image')
  sandbox.complete(second)
  await client.until('snapshot_saved')
  await bothRanOnce(t as Tap, sid, [first, second])
})
