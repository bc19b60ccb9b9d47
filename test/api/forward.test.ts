/** WebSockets through the api: one origin serves everything. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { forwardUpgrades } from '../../lib/api/forward.ts'
import { freePort } from '../../lib/process/free-port.ts'
import { openSocket, subscribe } from '../fixtures/socket.ts'
import { startSystem } from '../fixtures/system.ts'

const system = await startSystem(t)
const [api = ''] = system.apis
const sid = await system.createSession()

/** What the api answers to an upgrade, to the end of the connection. */
const upgrade = async (path: string): Promise<string> => {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(api).port) })
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  let text = ''
  socket.on('data', bytes => {
    text += bytes
  })
  await once(socket, 'end')
  socket.end()
  return text
}

t.test('a client on each side is in one session', async t => {
  const [edge = ''] = system.edges
  const a = await subscribe(t, api, { sid, token: await system.wsToken(sid, 'alice') })
  const b = await subscribe(t, edge, { sid, token: await system.wsToken(sid, 'bob') })
  a.send({ type: 'prompt', content: 'é'.repeat(50_000), clientRequestId: 'big' })
  await a.until('prompt_queued')
  const update = await b.until(f => f.type === 'prompt_queue_updated' && f.promptQueue.length === 1)
  t.equal(update.promptQueue[0].content, 'é'.repeat(50_000), 'published as it was')
  const late = await subscribe(t, api, { sid, token: await system.wsToken(sid, 'eve') })
  t.equal(late.subscribed.promptQueue[0].content, 'é'.repeat(50_000), 'and sent as it was')
})

t.test('refusals of the edge come through as they are', async t => {
  t.match(await upgrade(`/sessions/${'0'.repeat(32)}/ws`), /^HTTP\/1.1 404 .*Session not found/s)
  t.match(await upgrade(`/sessions/${sid}/ws?type=sandbox`), /^HTTP\/1.1 40[13] /)
})

t.test('any other path is no socket', async t => {
  t.match(await upgrade('/elsewhere'), /^HTTP\/1.1 400 .*Invalid WebSocket path$/s)
})

t.test('edges take turns, and one that is not there is passed over', async t => {
  const there = Number(new URL(system.edges[0] ?? '').port)
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const pipes = forwardUpgrades(server, {
    host: '127.0.0.1',
    ports: [await freePort(), there],
  })
  t.teardown(() => {
    pipes.close()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const user of ['alice', 'bob', 'eve']) {
    const client = await subscribe(t, url, { sid, token: await system.wsToken(sid, user) })
    t.equal(client.subscribed.type, 'subscribed')
  }
})

t.test('a death on either side is seen on the other', async t => {
  const before = await subscribe(t, api, { sid, token: await system.wsToken(sid, 'alice') })
  await system.process('edge').kill()
  t.match(await before.closed, { code: 1006 })
  t.match(await upgrade(`/sessions/${sid}/ws`), /^HTTP\/1.1 503 .*retry-after: 2/is)
  await system.process('edge').start()
  const after = await subscribe(t, api, { sid, token: await system.wsToken(sid, 'alice') })
  t.equal(await system.process('api').stop(), 0, 'open sockets do not hold the api up')
  t.match(await after.closed, { code: 1006 })
  await system.process('api').start()
  t.ok(await openSocket(t, `${api}/sessions/${sid}/ws`))
})
