import t from 'tap'
import { startEdges } from '../fixtures/edges.ts'
import { type Frame, subscribe } from '../fixtures/socket.ts'

const note = (n: number) => (frame: Frame) => frame.event?.n === n

t.test('a client that does not read', async t => {
  const edges = await startEdges(t)
  const sid = await edges.createSession()
  const slow = await subscribe(t, edges.url(), { sid, token: await edges.token(sid) })
  const quick = await subscribe(t, edges.url(), { sid, token: await edges.token(sid, 'bob') })
  const sandbox = await edges.sandbox(t, sid)
  slow.socket.pause()

  const room = edges.running[0]!.edge.rooms.all()[0]!
  const isIn = () => [...room.clients].some(client => client.member?.userId === 'alice')
  let sent = 0
  while (isIn() && sent < 1_000) {
    sent++
    sandbox.emit({ type: 'note', n: sent, filling: 'x'.repeat(100_000) })
    await quick.until(note(sent))
  }
  t.notOk(isIn(), `is out after ${sent} large events`)
  await quick.until('presence_leave')
  t.same(
    quick.frames.filter(frame => frame.event?.type === 'note').map(frame => frame.event.n),
    Array.from({ length: sent }, (_, i) => i + 1),
    'the other has everything',
  )

  slow.socket.resume()
  t.same(await slow.closed, { code: 1013, reason: 'Too slow, reconnect to resume' })
  const seen = slow.frames.filter(frame => frame.event?.type === 'note')
  t.same(
    seen.map(frame => frame.event.n),
    seen.map((_, i) => i + 1),
    'until then it has everything too',
  )
  const after = slow.frames.findLast(frame => frame.sequence !== undefined)?.sequence
  const back = await subscribe(t, edges.url(), { sid, token: await edges.token(sid), after })
  const rest = back.subscribed.timeline.events.map((item: Frame) => item.event.n)
  if (back.subscribed.recovered) {
    t.same(
      [...seen.map(frame => frame.event.n), ...rest],
      Array.from({ length: sent }, (_, i) => i + 1),
    )
  } else {
    t.equal(rest.at(-1), sent, 'too much for one answer: the newest page instead')
  }
})

t.test('growing text is dropped first', async t => {
  const edges = await startEdges(t)
  const sid = await edges.createSession()
  const slow = await subscribe(t, edges.url(), { sid, token: await edges.token(sid) })
  const quick = await subscribe(t, edges.url(), { sid, token: await edges.token(sid, 'bob') })
  quick.send({ type: 'prompt', content: 'p' })
  const sandbox = await edges.sandbox(t, sid)
  const { messageId } = await sandbox.until('prompt')
  slow.socket.pause()

  const room = edges.running[0]!.edge.rooms.all()[0]!
  const alice = [...room.clients].find(client => client.member?.userId === 'alice')!
  let n = 0
  // Enough that the kernel takes no more, and not so much that it is closed.
  while (alice.socket.bufferedBytes() < 500_000 && n < 1_000) {
    n++
    sandbox.emit({ type: 'note', n, filling: 'x'.repeat(100_000) })
    await quick.until(note(n))
  }
  t.ok(alice.socket.isOpen)
  const held = alice.socket.bufferedBytes()
  for (let words = 1; words <= 20; words++) {
    const content = 'w'.repeat(words)
    sandbox.emit({ type: 'token', messageId, content })
    await quick.until(frame => frame.event?.content === content)
  }
  t.equal(alice.socket.bufferedBytes(), held, 'none of it was buffered for the slow one')
  slow.socket.resume()
  const newest = await slow.until(frame => frame.event?.type === 'token')
  t.equal(newest.event.content.length, 20, 'it gets the newest once it has caught up')
  const content = 'w'.repeat(21)
  sandbox.emit({ type: 'token', messageId, content })
  await slow.until(frame => frame.event?.content === content)
  t.same(
    slow.frames.filter(frame => frame.event?.type === 'note').map(frame => frame.event.n),
    Array.from({ length: n }, (_, i) => i + 1),
    'and has missed nothing that is stored',
  )
})
