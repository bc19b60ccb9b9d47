import t from 'tap'
import { startEdges } from '../fixtures/edges.ts'
import { type Frame, subscribe, type TestSocket } from '../fixtures/socket.ts'

const names = (frame: Frame) => frame.participants.map((one: Frame) => one.userId).sort()
const lists = (socket: TestSocket, ...users: string[]) =>
  socket.until(
    frame =>
      frame.type === 'presence_update' && JSON.stringify(names(frame)) === JSON.stringify(users),
  )

t.test('presence over two edges', async t => {
  const edges = await startEdges(t, { edges: 2 })
  const sid = await edges.createSession()
  const join = async (userId: string, n: number) =>
    subscribe(t, edges.url(n), { sid, token: await edges.token(sid, userId) })

  const alice = await join('alice', 0)
  const bob = await join('bob', 1)
  await lists(alice, 'alice', 'bob')
  t.same(names(await bob.until('presence_sync')), ['alice', 'bob'], 'known on arrival')

  const again = await join('alice', 1)
  t.same(names(await again.until('presence_sync')), ['alice', 'bob'], 'one entry per participant')

  bob.send({ type: 'presence', status: 'idle', cursor: { line: 1, file: 'x' } })
  const idle = (frame: Frame) =>
    frame.type === 'presence_update' &&
    frame.participants.some((one: Frame) => one.userId === 'bob' && one.status === 'idle')
  t.notOk('cursor' in (await alice.until(idle)).participants[0])

  let from = bob.frames.length
  await again.close()
  await bob.until('presence_update', from)
  t.same(
    bob.frames.slice(from).map(frame => frame.type),
    ['presence_update'],
    'one of two sockets is no leave',
  )
  from = bob.frames.length
  await alice.close()
  t.match(await bob.until('presence_leave', from), { userId: 'alice' })

  const late = await join('carol', 1)
  t.same(names(await late.until('presence_sync')), ['bob', 'carol'])
})

t.test('the owner knows who is there, and a new one learns it', async t => {
  const edges = await startEdges(t, { edges: 2 })
  const sid = await edges.createSession()
  const token = await edges.token(sid, 'alice')
  const alice = await subscribe(t, edges.url(0), { sid, token })
  await edges.owner.stop()
  edges.owner.start()
  // The second edge has no room yet: what it knows of the first comes from the owner alone.
  const bob = await subscribe(t, edges.url(1), { sid, token: await edges.token(sid, 'bob') })
  t.same(names(await bob.until('presence_sync')), ['alice', 'bob'])
  await lists(alice, 'alice', 'bob')
})

t.test('an edge that knows the session from its sandbox still learns who is elsewhere', async t => {
  const edges = await startEdges(t, { edges: 2 })
  const sid = await edges.createSession()
  const join = async (userId: string, n: number) =>
    subscribe(t, edges.url(n), { sid, token: await edges.token(sid, userId) })
  await join('alice', 0)
  await edges.sandbox(t, sid, 1)
  const bob = await join('bob', 1)
  t.same(names(await bob.until('presence_sync')), ['alice', 'bob'])
  const carol = await join('carol', 1)
  t.same(names(await carol.until('presence_sync')), ['alice', 'bob', 'carol'], 'known by then')
})
