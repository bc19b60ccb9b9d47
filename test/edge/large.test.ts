import t from 'tap'
import { SANDBOX_FRAME_BYTES } from '../../lib/edge/limits.ts'
import { CLIENT_FRAME_BYTES } from '../../subjects/frames-client.ts'
import { openSocket, subscribe } from '../fixtures/socket.ts'
import { event, start } from './sandbox-scene.ts'

t.test('a frame above the limit ends its own socket, by name', async t => {
  const { edges, sid, client } = await start(t)
  const token = await edges.token(sid, 'bob')
  const full = (bytes: number, frame: object) => {
    const empty = JSON.stringify({ ...frame, filling: '' })
    return JSON.stringify({ ...frame, filling: 'x'.repeat(bytes - empty.length) })
  }

  await t.test('of a client', async t => {
    const large = await subscribe(t, edges.url(), { sid, token })
    large.send(full(CLIENT_FRAME_BYTES, { type: 'ping' }))
    await large.until('pong')
    large.send(full(CLIENT_FRAME_BYTES + 1, { type: 'ping' }))
    t.same(await large.closed, { code: 1009, reason: 'A frame may have at most 1048576 bytes' })
    const stranger = await openSocket(t, `${edges.url()}/sessions/${sid}/ws`)
    stranger.socket.send(Buffer.alloc(CLIENT_FRAME_BYTES + 1))
    t.equal((await stranger.closed).code, 1009, 'also a binary one, which is ignored otherwise')
    const endless = await subscribe(t, edges.url(), { sid, token })
    endless.send(full(3 * CLIENT_FRAME_BYTES, { type: 'ping' }))
    t.equal((await endless.closed).code, 1006, 'far above it, the connection is cut')
  })

  await t.test('of a sandbox', async t => {
    const sandbox = await edges.sandbox(t, sid)
    const note = { type: 'note', n: 1 }
    sandbox.socket.send(full(SANDBOX_FRAME_BYTES, note))
    await client.until(event('note'))
    sandbox.socket.send(full(SANDBOX_FRAME_BYTES + 1, note))
    const closed = { code: 1009, reason: 'A frame may have at most 16777216 bytes' }
    t.same(await sandbox.closed, closed)
  })

  client.send({ type: 'ping' })
  await client.until('pong')
  t.pass('nobody else is troubled')
})
