import t from 'tap'
import { line } from './edge-by-hand.ts'
import { setUp } from './session-scene.ts'

t.test('subscribes, follows, and comes back from where it was', async t => {
  const { edge, clock, session, state, until, numbers } = await setUp(t)
  const first = await edge.next()
  t.match(await first.welcome(0, 2), { token: 'token-1', after: null }, 'at first from the start')
  await state('live')
  first.send({ type: 'sandbox_event', ...line(3) })
  await until(s => s.view.sequence === 3)
  first.socket.close(1012, 'restart')
  await state('waiting')
  clock.pass(300)
  const second = await edge.next()
  t.match(await second.welcome(3, 5), { token: 'token-1', after: 3 }, 'then from its last line')
  await until(s => s.view.sequence === 5)
  t.strictSame(numbers(), [1, 2, 3, 4, 5])
  t.equal(session.connection.kind, 'live')
})

t.test('a hole makes it subscribe again; the same hole twice, from the start', async t => {
  const { edge, clock, state, until, numbers } = await setUp(t)
  const first = await edge.next()
  await first.welcome(0, 1)
  await state('live')
  first.send({ type: 'sandbox_event', ...line(3) })
  await state('waiting')
  t.strictSame(numbers(), [1], 'what cannot be right is not shown')
  clock.pass(300)
  const second = await edge.next()
  t.match(await second.welcome(2, 3), { after: 1 })
  await state('waiting')
  clock.pass(1000)
  const third = await edge.next()
  t.match(await third.welcome(0, 3), { after: null })
  await until(s => s.view.sequence === 3)
  t.strictSame(numbers(), [1, 2, 3])
})

t.test('a refused token is fetched anew once, then it gives up', async t => {
  const { edge, clock, session, state, tokens } = await setUp(t)
  const first = await edge.next()
  await first.welcome(0, 0)
  await state('live')
  first.socket.close(1006 + 6, '')
  await state('waiting')
  clock.pass(300)
  const second = await edge.next()
  t.match(await second.take('subscribe'), { token: 'token-1' }, 'a token is kept while it is good')
  second.socket.close(4001, 'Token expired')
  await clock.planned(200)
  clock.pass(1000)
  const third = await edge.next()
  t.match(await third.take('subscribe'), { token: 'token-2' })
  third.socket.close(4001, 'Invalid authentication token')
  await state('ended')
  t.match(session.connection, { kind: 'ended', reason: 'Invalid authentication token' })
  t.equal(tokens(), 2)
})

t.test('who may not have a token is not asked to wait', async t => {
  const { session, state } = await setUp(t, {
    getToken: async () => {
      throw new Error('Session not found', { cause: { status: 404 } })
    },
  })
  await state('ended')
  t.match(session.connection, { reason: 'Session not found' })
})

t.test('a token that cannot be fetched just now is fetched later', async t => {
  let tries = 0
  const { edge, clock, state } = await setUp(t, {
    getToken: async () => {
      if (++tries === 1) throw new Error('503', { cause: { status: 503 } })
      return 'token'
    },
  })
  await state('waiting')
  clock.pass(300)
  await (await edge.next()).welcome(0, 0)
  await state('live')
  t.equal(tries, 2)
})

t.test('a socket that is open but dead is left', async t => {
  const pong = Promise.withResolvers<void>()
  const { edge, clock, session, state } = await setUp(t, {
    onFrame: ({ type }) => {
      if (type === 'pong') pong.resolve()
    },
  })
  const first = await edge.next()
  await first.welcome(0, 0)
  await state('live')
  clock.pass(30_000)
  await first.take('ping')
  first.send({ type: 'pong', timestamp: 1 })
  await pong.promise
  clock.pass(30_000)
  t.equal(session.connection.kind, 'live', 'an answer is enough')
  await first.take('ping')
  clock.pass(10_000)
  await (await edge.next()).welcome(0, 0)
  await state('live')
})

t.test('nonsense from the server ends the connection, not the page', async t => {
  const { edge, clock, state } = await setUp(t)
  const first = await edge.next()
  await first.welcome(0, 0)
  await state('live')
  first.send({ type: 'of_a_newer_server', anything: 1 })
  first.socket.send('not json')
  const [code] = await new Promise<[number]>(resolve => {
    first.socket.once('close', (...args) => resolve([args[0]]))
  })
  t.equal(code, 4004)
  await state('waiting')
  clock.pass(300)
  await (await edge.next()).welcome(0, 0)
  await state('live')
})

t.test('somebody who types asks for a sandbox, but not with every key', async t => {
  const { edge, clock, session, state } = await setUp(t)
  const peer = await edge.next()
  await peer.welcome(0, 0)
  await state('live')
  session.typing()
  session.typing()
  await peer.take('typing')
  clock.pass(5_000)
  session.typing()
  session.stop('m')
  t.match(await peer.take('stop'), { messageId: 'm' })
  t.equal(peer.left('typing').length, 1)
})

t.test('closing is for good', async t => {
  const { edge, session, state } = await setUp(t)
  const peer = await edge.next()
  await peer.welcome(0, 0)
  await state('live')
  const closed = new Promise(resolve => peer.socket.once('close', resolve))
  session.close()
  await closed
  t.match(session.connection, { kind: 'ended' })
  t.notOk(session.stop())
})

t.test('older lines', async t => {
  const { edge, session, state, numbers } = await setUp(t)
  const peer = await edge.next()
  const cursor = { timestamp: 3, id: 'e3', sequence: 3 }
  await peer.welcome(2, 3, false, { hasMore: true, cursor })
  await state('live')
  const loading = session.loadEarlier()
  void session.loadEarlier()
  t.match(await peer.take('fetch_history'), { cursor })
  peer.send({ type: 'history_page', items: [line(1), line(2)], hasMore: false, cursor: null })
  await loading
  t.strictSame(numbers(), [1, 2, 3])
  t.equal(session.view.hasEarlier, false)
  t.strictSame(peer.left('fetch_history'), [], 'one at a time')

  const refused = session.loadEarlier()
  await peer.take('fetch_history')
  peer.send({ type: 'error', code: 'RATE_LIMITED', message: 'slowly' })
  await t.rejects(refused, { message: 'slowly' })
})

t.test('a session that somebody deletes has ended', async t => {
  const { edge, session, state, tokens } = await setUp(t)
  const peer = await edge.next()
  await peer.welcome(0, 0)
  await state('live')
  peer.socket.close(4002, 'Session deleted')
  await state('ended')
  t.match(session.connection, { reason: 'Session deleted' })
  t.equal(tokens(), 1)
})
