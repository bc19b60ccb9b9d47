/** Criterion 9: two clients see each other, from the moment they connect until they leave. */
import t from 'tap'
import { type Frame, subscribe } from '../fixtures/socket.ts'
import { startSystem } from '../fixtures/system.ts'

const users = (frame: Frame) => frame.participants.map((p: Frame) => p.userId).sort()

t.test('presence on connect, over two edges', async t => {
  const system = await startSystem(t, { edges: 2 })
  const [one = '', two = ''] = system.edges
  const sid = await system.createSession()
  const a = await subscribe(t, one, { sid, token: await system.wsToken(sid, 'alice') })
  t.same(users(await a.until('presence_sync')), ['alice'])
  const b = await subscribe(t, two, { sid, token: await system.wsToken(sid, 'bob') })
  t.same(
    b.frames
      .filter(f => /^(subscribed|presence)/.test(f.type))
      .map(f => f.type)
      .slice(0, 1),
    ['subscribed'],
  )
  t.same(users(await b.until('presence_sync')), ['alice', 'bob'], 'the newcomer sees both at once')
  const both = (frame: Frame) => frame.type === 'presence_update' && users(frame).length === 2
  await Promise.all([a.until(both), b.until(both)])

  b.send({ type: 'presence', status: 'idle' })
  await a.until(
    f =>
      f.type === 'presence_update' &&
      f.participants.some((p: Frame) => p.userId === 'bob' && p.status === 'idle'),
  )
  const second = await subscribe(t, one, { sid, token: await system.wsToken(sid, 'bob') })
  t.same(users(await second.until('presence_sync')), ['alice', 'bob'], 'one entry per person')
  await second.close()
  await b.close()
  t.match(await a.until('presence_leave'), { userId: 'bob' })
})
