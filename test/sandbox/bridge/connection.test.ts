import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocketServer } from 'ws'
import { openConnection, sandboxSocketUrl } from '../../../lib/sandbox/bridge/connection.ts'

const serve = async (t: Test, options: ConstructorParameters<typeof WebSocketServer>[0] = {}) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options })
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const TIMING = { pingEveryMs: 20, pongWithinMs: 20, firstDelayMs: 5, mostDelayMs: 20 }
const IGNORE = {
  sid: 's1',
  sandboxId: 'sb',
  token: 'x',
  timing: TIMING,
  onOpen: () => {},
  onFrame: () => {},
  onClose: () => {},
  onFinal: () => {},
  log: () => {},
}

t.test('the address of a session, also behind a path', async t => {
  t.equal(
    sandboxSocketUrl('https://plane.example.com', 's1'),
    'wss://plane.example.com/sessions/s1/ws?type=sandbox',
  )
  t.equal(
    sandboxSocketUrl('http://127.0.0.1:8787/base/', 's1'),
    'ws://127.0.0.1:8787/base/sessions/s1/ws?type=sandbox',
  )
})

t.test('a peer that answers no ping is given up and tried again', async t => {
  const { server, url } = await serve(t, { autoPong: false })
  let connections = 0
  const third = new Promise<void>(resolve => {
    server.on('connection', () => {
      connections += 1
      if (connections === 3) resolve()
    })
  })
  const connection = openConnection({ ...IGNORE, controlPlaneUrl: url })
  await third
  connection.close()
  t.equal(connections, 3)
})

t.test('a peer that answers is kept', async t => {
  const { server, url } = await serve(t)
  let pings = 0
  let connections = 0
  const enough = new Promise<void>(resolve => {
    server.on('connection', socket => {
      connections += 1
      socket.on('ping', () => {
        pings += 1
        if (pings === 5) resolve()
      })
    })
  })
  const timing = { ...TIMING, pongWithinMs: 5_000 }
  const connection = openConnection({ ...IGNORE, timing, controlPlaneUrl: url })
  await enough
  connection.close()
  t.equal(connections, 1)
})

for (const status of [401, 403, 404, 410]) {
  t.test(`${status} is final`, async t => {
    const { url } = await serve(t, {
      verifyClient: (_info, done) => done(false, status, 'not you'),
    })
    const reason = await new Promise<string>(resolve => {
      openConnection({ ...IGNORE, controlPlaneUrl: url, onFinal: resolve })
    })
    t.equal(reason, `${status} not you`)
  })
}

t.test('503 is not', async t => {
  let refusals = 0
  const { server, url } = await serve(t, {
    verifyClient: (_info, done) => {
      refusals += 1
      done(refusals > 2, 503, 'later')
    },
  })
  const connected = new Promise(resolve => server.once('connection', resolve))
  const connection = openConnection({
    ...IGNORE,
    controlPlaneUrl: url,
    onFinal: reason => t.fail(reason),
  })
  await connected
  connection.close()
  t.equal(refusals, 3)
})

t.test('what is not a frame is passed over', async t => {
  const { server, url } = await serve(t)
  server.on('connection', socket => {
    socket.send('not json')
    socket.send('{"type":"unheard_of"}')
    socket.send(Buffer.from([1, 2]))
    socket.send('{"type":"ack","ackId":"r:1"}')
  })
  const frame = await new Promise(resolve => {
    const connection = openConnection({
      ...IGNORE,
      controlPlaneUrl: url,
      onFrame: first => {
        connection.close()
        resolve(first)
      },
    })
  })
  t.strictSame(frame, { type: 'ack', ackId: 'r:1' })
})
