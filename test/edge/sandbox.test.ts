import t from 'tap'
import { beatSubject, sessionId } from '../../subjects/subjects.ts'
import { type Edges, startEdges } from '../fixtures/edges.ts'
import { type Frame, openSocket, subscribe } from '../fixtures/socket.ts'

const of =
  (type: string, more: object = {}) =>
  (frame: Frame) =>
    frame.type === type && Object.entries(more).every(([key, value]) => frame[key] === value)
const event =
  (type: string, more: object = {}) =>
  (frame: Frame) =>
    frame.type === 'sandbox_event' && of(type, more)(frame.event as Frame)
const stored = (frames: readonly Frame[]) =>
  frames.filter(frame => frame.type === 'sandbox_event' && frame.sequence !== undefined)

type Test = Parameters<typeof openSocket>[0]

const start = async (t: Test, options?: Parameters<typeof startEdges>[1]) => {
  const edges = await startEdges(t, options)
  const sid = await edges.createSession()
  const client = await subscribe(t, edges.url(), { sid, token: await edges.token(sid) })
  const prompt = (content: string) => {
    const from = client.frames.length
    client.send({ type: 'prompt', content, clientRequestId: content })
    return client.until('prompt_queued', from)
  }
  return { edges, sid, client, prompt }
}
/** Connects a socket without answering pings: what it is sent is never confirmed. */
const mute = async (t: Test, edges: Edges, sid: string, n = 0) => {
  const { headers } = await edges.sandboxCredentials(sid)
  const socket = await openSocket(t, `${edges.url(n)}/sessions/${sid}/ws?type=sandbox`, headers)
  // ws answers a ping by itself; this one does not.
  Object.assign(socket.socket, { pong: () => {} })
  ;(socket.socket as unknown as { _autoPong: boolean })._autoPong = false
  return socket
}

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

t.test('acknowledgements', async t => {
  const { edges, sid, client } = await start(t)
  const sandbox = await edges.sandbox(t, sid)
  const acked = (ackId: string) => sandbox.until(of('ack', { ackId }))

  await t.test('each after it is stored, duplicates too, stored once', async t => {
    for (const _ of [1, 2]) sandbox.emit({ type: 'error', error: 'e', ackId: 'same' })
    for (const seq of [1, 2, 2, 1, 3]) {
      sandbox.emit({ type: 'note', run: 'r', seq, ackId: `r:${seq}`, n: seq })
    }
    await acked('r:3')
    const acks = sandbox.frames.filter(of('ack')).map(frame => frame.ackId)
    t.same(acks, ['ready', 'same', 'same', 'r:1', 'r:2', 'r:2', 'r:1', 'r:3'])
    await client.until(event('note', { n: 3 }))
    t.same(
      stored(client.frames).map(frame => frame.event.n ?? frame.event.type),
      ['ready', 'error', 1, 2, 3],
    )
  })

  await t.test('what is malformed is not stored, but said where it would come again', async t => {
    const from = client.frames.length
    sandbox.send('{')
    sandbox.send({ type: 'tool_call' })
    sandbox.send({ type: 'user_message', content: 'forged' })
    sandbox.socket.send(Buffer.from('{"type":"note"}'), { binary: true })
    sandbox.emit({ type: 'execution_complete', success: 'yes', ackId: 'bad' })
    await acked('bad')
    const warning = await client.until(event('warning'), from)
    t.match(warning.event.message, /malformed execution_complete/)
    t.equal(stored(client.frames.slice(from)).length, 1)
  })

  await t.test('what is too large is cut, and said', async t => {
    const output = 'x'.repeat(3_000_000)
    sandbox.emit({ type: 'tool_call', callId: 'big', tool: 'cat', output, ackId: 'big' })
    await acked('big')
    const { event: shown } = await client.until(event('tool_call', { callId: 'big' }))
    t.equal(shown.truncated, true)
    t.match(shown.output, /^x{65536}\n… \[2934464 of 3000000 characters left out\]$/)
  })

  await t.test(
    'growing text as long as a frame may be goes out and is stored, without its middle',
    async t => {
      const content = `${'a'.repeat(1_000_000)}${'😀'.repeat(1_000_000)}the end`
      sandbox.emit({ type: 'token', messageId: 'm', content })
      sandbox.emit({ type: 'note', ackId: 'after' })
      await acked('after')
      const line = await client.until(event('token'))
      t.match(
        line.event.content,
        /^a{9000}a*\n… \[\d+ of 3000007 characters left out\] …\n(😀)+the end$/u,
      )
    },
  )

  await t.test('many at once go in few commands', async t => {
    const before = (await edges.bus.jsm.streams.info('CMD')).state.last_seq
    for (let n = 1; n <= 2_000; n++)
      sandbox.emit({ type: 'note', run: 'm', seq: n, ackId: `m:${n}` })
    await acked('m:2000')
    const commands = (await edges.bus.jsm.streams.info('CMD')).state.last_seq - before
    t.ok(commands < 200, `2000 events in ${commands} commands`)
  })
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

t.test('more than may wait: the sandbox is told to come back, what it said is stored', async t => {
  const { edges, sid, client } = await start(t)
  const sandbox = await edges.sandbox(t, sid)
  await edges.owner.stop()
  const filling = 'x'.repeat(200_000)
  let n = 0
  while (sandbox.socket.readyState === sandbox.socket.OPEN && n < 1_000) {
    sandbox.emit({ type: 'note', n: ++n, filling })
    sandbox.emit({ type: 'heartbeat', status: 'ready' })
    await new Promise(resolve => setImmediate(resolve))
  }
  t.same(await sandbox.closed, { code: 1013, reason: 'Too much is not stored yet' })
  edges.owner.start()
  // What fitted is stored all the same, in order; then its end is known.
  while (!(await edges.newest(sid, 'sandbox_disconnected'))) await edges.bus.nc.flush()
  const notes = stored(client.frames)
    .filter(event('note'))
    .map(frame => frame.event.n)
  t.ok(notes.length > 30, `${notes.length} were`)
  t.same(
    notes,
    Array.from({ length: notes.length }, (_, i) => i + 1),
  )
})

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
