/** Criterion 7: ping is answered by pong, with the time of now. */
import t from 'tap'
import { openSocket } from '../fixtures/socket.ts'
import { startSystem } from '../fixtures/system.ts'

t.test('ping and pong, before and without subscribing, through the one origin as well', async t => {
  const system = await startSystem(t)
  const sid = await system.createSession()
  for (const origin of [...system.edges, ...system.apis]) {
    const socket = await openSocket(t, `${origin}/sessions/${sid}/ws`)
    const before = Date.now()
    socket.send({ type: 'ping' })
    const pong = await socket.until('pong')
    t.ok(pong.timestamp >= before && pong.timestamp <= Date.now(), 'a fresh timestamp')
    await socket.close()
  }
})
