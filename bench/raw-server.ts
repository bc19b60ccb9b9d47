/**
 * The raw baselines' server: uWebSockets.js and JetStream with nothing of ours in between. Every
 * text that it gets is stored as two messages, one after the other as a command and its record are,
 * the second under the same fence; then it answers.
 */

import uWS, { type WebSocket } from 'uWebSockets.js'
import process from 'node:process'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { bytesHeld } from './memory.ts'

type Publish = { type: 'publish'; count: number; text: string; last: string }
export type RawTask = Publish | { type: 'weigh' }
export type RawSays =
  | { type: 'listening'; port: number }
  | { type: 'published' }
  | { type: 'weighed'; bytes: number }

/** Like the edge's own: `Socket.send` and its buffers are uWebSockets.js's. */
const BUFFERED_BYTES = 1024 ** 2
const SLICE = 100

type Seat = { id: number; previous: number; storing: Promise<void> }
const nc = await connect({ servers: process.env.NATS_URL ?? '' })
const js = jetstream(nc)
await (await jetstreamManager(nc)).streams.add({ name: 'RAW', subjects: ['raw.>'] })

const sockets = new Set<WebSocket<Seat>>()
let count = 0
const app = uWS.App().ws<Seat>('/*', {
  idleTimeout: 60,
  maxBackpressure: 32 * 1024 ** 2,
  upgrade: (res, req, context) =>
    res.upgrade(
      { id: count++, previous: 0, storing: Promise.resolve() },
      req.getHeader('sec-websocket-key'),
      req.getHeader('sec-websocket-protocol'),
      req.getHeader('sec-websocket-extensions'),
      context,
    ),
  open: ws => {
    sockets.add(ws)
    ws.subscribe('all')
  },
  message: (ws, bytes) => {
    const seat = ws.getUserData()
    const text = Buffer.from(bytes).toString()
    seat.storing = seat.storing.then(async () => {
      await js.publish(`raw.command.${process.pid}.${seat.id}`, text)
      const expect = { lastSubjectSequence: seat.previous }
      seat.previous = (
        await js.publish(`raw.record.${process.pid}.${seat.id}`, text, { expect })
      ).seq
      const { clientRequestId } = JSON.parse(text)
      if (sockets.has(ws)) ws.send(JSON.stringify({ type: 'prompt_queued', clientRequestId }))
    })
  },
  close: ws => void sockets.delete(ws),
})
app.listen('127.0.0.1', 0, listening => {
  if (!listening) throw new Error('no port')
  process.send?.({ type: 'listening', port: uWS.us_socket_local_port(listening) })
})

const publish = ({ count, text, last }: Publish): void => {
  let sent = 0
  const more = () => {
    const full = [...sockets].some(ws => ws.getBufferedAmount() > BUFFERED_BYTES)
    for (let n = 0; n < SLICE && !full && sent < count; n++) {
      app.publish('all', ++sent === count ? last : text)
    }
    if (sent < count) setImmediate(more)
    else process.send?.({ type: 'published' })
  }
  more()
}

process.on('message', (task: RawTask) => {
  if (task.type === 'publish') return publish(task)
  globalThis.gc?.()
  process.send?.({ type: 'weighed', bytes: bytesHeld(process.pid) })
})
process.on('disconnect', () => process.exit(0))
