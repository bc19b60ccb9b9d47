import t from 'tap'
import { event, of, start, stored } from './sandbox-scene.ts'

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
