/** Criterion 2: a client that was idle for long, its session asleep in the owner, sends a message. */
import t from 'tap'
import { subscribe } from '../fixtures/socket.ts'
import { startSystem } from '../fixtures/system.ts'

t.test('connect, idle until the session sleeps, send a message', async t => {
  const system = await startSystem(t, { env: { SESSION_IDLE_MS: '200' } })
  const [edge = ''] = system.edges
  const sid = await system.createSession()
  const token = await system.wsToken(sid, 'alice')
  const socket = await subscribe(t, edge, { sid, token })
  await system.logged(new RegExp(`asleep.*${sid}|${sid}.*asleep`))
  t.equal(socket.socket.readyState, socket.socket.OPEN, 'the socket did not notice')
  socket.send({ type: 'prompt', content: 'still there?', clientRequestId: 'r1' })
  t.match(await socket.until('prompt_queued'), { position: 1, clientRequestId: 'r1' })
  t.match((await system.call('GET', `/sessions/${sid}/messages`)).body.messages, [
    { content: 'still there?', status: 'pending' },
  ])
})
