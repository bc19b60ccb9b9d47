import t from 'tap'
import { beatSubject, sessionId } from '../../subjects/subjects.ts'
import { startEdges } from '../fixtures/edges.ts'
import { type Frame, subscribe } from '../fixtures/socket.ts'
import { event, mute, of, start, stored } from './sandbox-scene.ts'

t.test('a prompt from end to end', async t => {
  const { edges, sid, client, prompt } = await start(t)
  const { messageId } = await prompt('first')
  const sandbox = await edges.sandbox(t, sid)
  t.match(await sandbox.until('prompt'), {
    messageId,
    content: 'first',
    author: { userId: 'alice', gitIdentity: { mode: /./ } },
  })
  await client.until(event('user_message', { messageId }))
  sandbox.emit({ type: 'step_start', messageId })
  sandbox.emit({ type: 'token', messageId, content: 'Hel' })
  t.match(await client.until(event('token')), { event: { content: 'Hel', messageId } })
  sandbox.emit({ type: 'token', messageId, content: 'Hello' })
  const call = { type: 'tool_call', messageId, callId: 'c', tool: 'bash', args: {} }
  sandbox.emit({ ...call, status: 'running', output: '' })
  sandbox.emit({ ...call, status: 'completed', output: 'done' })
  await client.until(event('tool_call', { status: 'completed' }))
  sandbox.emit({ type: 'token', messageId, content: 'Hello you' })
  sandbox.emit({ type: 'step_finish', messageId, cost: 0.5 })
  sandbox.emit({ type: 'execution_complete', messageId, success: true, ackId: 'end' })
  await sandbox.until(of('ack', { ackId: 'end' }))
  await client.until(of('session_status', { status: 'completed' }))
  t.ok(client.frames.some(event('step_start')), 'steps pass')
  const lines = stored(client.frames)
  t.same(
    lines.map(frame => [frame.event.type, frame.event.content ?? frame.event.status ?? null]),
    [
      ['user_message', 'first'],
      ['ready', null],
      ['token', 'Hello'],
      ['tool_call', 'running'],
      ['tool_call', 'completed'],
      ['token', 'Hello you'],
      ['execution_complete', null],
    ],
    'text is stored right before what follows it',
  )
  t.same(
    lines.map(frame => frame.sequence),
    [1, 2, 3, 4, 5, 6, 7],
  )
  t.same(
    lines.map(frame => frame.timelineSequence),
    [1, 2, 3, 4, 4, 3, 7],
    'what replaces an earlier line stands in its place',
  )
  t.match(await edges.newest(sid, 'prompt_delivered'), { messageId })
})

t.test('delivery', async t => {
  await t.test(
    'an unconfirmed prompt is sent again on the next socket, a confirmed one never',
    async t => {
      const { edges, sid, prompt } = await start(t, { edges: 2 })
      const { messageId } = await prompt('p')
      const first = await mute(t, edges, sid)
      t.match(await first.until('prompt'), { messageId })
      t.equal(await edges.newest(sid, 'prompt_delivered'), undefined)
      const second = await edges.sandbox(t, sid, 1)
      t.same(await first.closed, { code: 1000, reason: 'New sandbox connecting' })
      t.match(await second.until('prompt'), { messageId })
      // Its `ready` was acknowledged after the ping behind the prompt was answered, or will be soon.
      const confirmed = async () => {
        while (!(await edges.newest(sid, 'prompt_delivered'))) await edges.bus.nc.flush()
      }
      await confirmed()
      second.socket.terminate()
      const third = await edges.sandbox(t, sid, 0)
      t.same(third.frames.filter(of('prompt')), [])
    },
  )

  await t.test('announced again, it is not sent twice on one socket', async t => {
    const { edges, sid, prompt } = await start(t, { env: { DELIVERY_CONFIRMATION_MS: '50' } })
    const socket = await mute(t, edges, sid)
    await prompt('p')
    await socket.until('prompt')
    while (!(await edges.newest(sid, 'prompt_announced'))) await edges.bus.nc.flush()
    socket.send({ type: 'note', ackId: 'x' })
    await socket.until(of('ack', { ackId: 'x' }))
    t.equal(socket.frames.filter(of('prompt')).length, 1)
  })
})

t.test('a stop', async t => {
  const { edges, sid, client, prompt } = await start(t, { edges: 2 })
  const { messageId } = await prompt('first')
  await prompt('second')
  const sandbox = await edges.sandbox(t, sid)
  await sandbox.until('prompt')
  sandbox.emit({ type: 'token', messageId, content: 'so far' })
  await client.until(event('token'))
  client.send({ type: 'stop' })
  t.match(await client.until(event('execution_complete')), {
    event: { messageId, success: false, error: 'Execution was stopped' },
  })
  await sandbox.until('stop')
  // Before it has confirmed its socket breaks: it is told again.
  sandbox.socket.terminate()
  const again = await edges.sandbox(t, sid, 1)
  await again.until('stop')
  t.same(again.frames.filter(of('prompt')), [], 'the next prompt waits for the confirmation')
  again.emit({ type: 'execution_complete', messageId, success: false, ackId: 'late' })
  t.match(await again.until('prompt'), { content: 'second' })
})

t.test(
  'while nobody owns the session, what a sandbox says is kept and stored in order',
  async t => {
    const { edges, sid, client } = await start(t)
    const sandbox = await edges.sandbox(t, sid)
    await edges.owner.stop()
    for (let n = 1; n <= 50; n++) sandbox.emit({ type: 'note', n })
    sandbox.emit({ type: 'note', n: 51, ackId: 'last' })
    // Nobody answers, so the edge says it again: both are there when somebody does.
    while ((await edges.bus.jsm.streams.info('CMD')).state.messages < 2) await edges.bus.nc.flush()
    edges.owner.start()
    await sandbox.until(of('ack', { ackId: 'last' }))
    await client.until(event('note', { n: 51 }))
    const notes = stored(client.frames).filter(event('note'))
    t.same(
      notes.map(frame => frame.event.n),
      Array.from({ length: 51 }, (_, i) => i + 1),
    )
  },
)

t.test('the end of a sandbox', async t => {
  await t.test('its last text is stored when the socket breaks, and the owner knows', async t => {
    const { edges, sid, client, prompt } = await start(t)
    const { messageId } = await prompt('p')
    const sandbox = await edges.sandbox(t, sid)
    await sandbox.until('prompt')
    sandbox.emit({ type: 'token', messageId, content: 'unfinished' })
    await client.until(event('token'))
    sandbox.socket.terminate()
    const line = await client.until(frame => event('token')(frame) && frame.sequence !== undefined)
    t.equal(line.event.content, 'unfinished')
    while (!(await edges.newest(sid, 'sandbox_disconnected'))) await edges.bus.nc.flush()
  })

  await t.test('it is given up: told so, closed, and may not come back', async t => {
    const edges = await startEdges(t, { env: { HEARTBEAT_STALE_MS: '200' } })
    const sid = await edges.createSession()
    const sandbox = await edges.sandbox(t, sid)
    t.same(await sandbox.closed, { code: 1000, reason: 'Heartbeat stale' })
    t.equal(sandbox.frames.at(-1)?.type, 'shutdown')
    await t.rejects(edges.sandbox(t, sid), { message: /refused 410/ })
  })

  await t.test('it does not confirm a stop: given up, and another is asked for', async t => {
    const { edges, sid, client, prompt } = await start(t, {
      env: { STOP_CONFIRMATION_MS: '100', SPAWN_COOLDOWN_MS: '1' },
    })
    await prompt('first')
    await prompt('second')
    const sandbox = await edges.sandbox(t, sid)
    await sandbox.until('prompt')
    client.send({ type: 'stop' })
    t.same(await sandbox.closed, { code: 1011, reason: 'Stop confirmation timed out' })
    t.same(
      sandbox.frames.slice(-2).map(frame => frame.type),
      ['stop', 'shutdown'],
    )
    while ((await edges.newest(sid, 'sandbox_requested'))?.generation === sandbox.generation) {
      await edges.bus.nc.flush()
    }
    const next = await edges.sandbox(t, sid)
    t.match(await next.until('prompt'), { content: 'second' })
  })
})

t.test('heartbeats reach the owner, and are not stored', async t => {
  const { edges, sid, client } = await start(t)
  const sandbox = await edges.sandbox(t, sid)
  const beat = edges.bus.nc.subscribe(beatSubject(sessionId(sid)), { max: 1 })
  await edges.bus.nc.flush()
  sandbox.emit({ type: 'heartbeat', status: 'ready' })
  for await (const message of beat) {
    t.match(message.json(), { v: 1, generation: sandbox.generation, atMs: Number })
  }
  sandbox.emit({ type: 'note', ackId: 'x' })
  await client.until(event('note'))
  t.equal(stored(client.frames).filter(event('heartbeat')).length, 0)
})

t.test('growing text', async t => {
  const { edges, sid, client, prompt } = await start(t, { edges: 2 })
  const { messageId } = await prompt('p')
  const sandbox = await edges.sandbox(t, sid)
  await sandbox.until('prompt')
  for (let n = 1; n <= 200; n++) sandbox.emit({ type: 'token', messageId, content: 'x'.repeat(n) })
  const all = (frame: Frame) => event('token')(frame) && frame.event.content.length === 200
  await client.until(all)
  const tokens = client.frames.filter(event('token'))
  t.ok(tokens.length < 100, `${tokens.length} of 200 were sent on`)
  t.ok(
    tokens.every(frame => frame.sequence === undefined && frame.eventId === `token:${messageId}`),
  )

  const elsewhere = await subscribe(t, edges.url(1), { sid, token: await edges.token(sid, 'bob') })
  await elsewhere.until(all)
  const here = await subscribe(t, edges.url(0), { sid, token: await edges.token(sid, 'carol') })
  await here.until(all)
  t.pass('who comes later sees it too, on any edge')

  sandbox.emit({ type: 'execution_complete', messageId, success: true, ackId: 'e' })
  await sandbox.until(of('ack', { ackId: 'e' }))
  const from = client.frames.length
  sandbox.emit({ type: 'token', messageId, content: 'late' })
  sandbox.emit({ type: 'note', ackId: 'n' })
  await client.until(event('note'), from)
  const late = client.frames.slice(from).filter(event('token'))
  t.same(
    late.filter(frame => frame.sequence === undefined),
    [],
    'words after the end are not shown',
  )
})
