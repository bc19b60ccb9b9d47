import t from 'tap'
import { openSession } from '../../lib/client/session.ts'
import { startEdgeByHand } from './edge-by-hand.ts'
import { handClock } from './hand-clock.ts'

t.test('of several edges the next is tried after each break, from where it was', async t => {
  const edges = await Promise.all([startEdgeByHand(t), startEdgeByHand(t)])
  const clock = handClock()
  let live = Promise.withResolvers<void>()
  const session = openSession({
    url: [edges[0].url, edges[1].url],
    sid: 's',
    getToken: async () => 'token',
    clock,
    onChange: ({ connection }) => {
      if (connection.kind === 'live') live.resolve()
    },
  })
  t.teardown(() => session.close())
  const first = await edges[0].next()
  await first.welcome(0, 2)
  await live.promise
  first.socket.terminate()
  await clock.planned(0)
  clock.pass(0)
  const second = await edges[1].next()
  t.match(await second.welcome(2, 2), { after: 2, token: 'token' })
  second.socket.terminate()
  await clock.planned(200)
  clock.pass(200)
  live = Promise.withResolvers<void>()
  const third = await edges[0].next()
  t.match(await third.welcome(2, 2), { after: 2 }, 'and around again')
  await live.promise
  clock.pass(2_000)
  third.socket.terminate()
  await clock.planned(0)
  clock.pass(0)
  t.match(await (await edges[1].next()).welcome(2, 2), { after: 2 }, 'at once after a good while')
})
