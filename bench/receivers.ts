/**
 * Many client sockets in a process of their own, told by messages of the parent what to do. Bare TCP
 * with a WebSocket handshake: what is measured is who sends, not who receives.
 */
import { connect, type Socket } from 'node:net'
import process from 'node:process'
import { clientFrame, FrameCounter } from './frame-counter.ts'

/** What the parent asks; each is answered with a {@link ReceiversSay} of the same `type`. */
export type ReceiversTask =
  /** Connect this many, say `first` on each, and wait until each has got a text frame, if it said one. */
  | { type: 'connect'; count: number; url: string; first: string | null }
  /** Count from now on, until every socket has got a frame that contains `last`. */
  | { type: 'count'; last: string }
export type ReceiversSay = { type: 'connected' | 'counting' } | { type: 'counted'; frames: number }

type Receiver = { socket: Socket; counter: FrameCounter; tail: string; done: boolean }

const receivers: Receiver[] = []
let last: string | undefined
let left = 0
let base = 0
const say = (message: ReceiversSay) => process.send?.(message)

const total = () => receivers.reduce((sum, { counter }) => sum + counter.frames, 0)

/** `last` may be cut in two by the network, so the end of what came before is kept. */
const look = (receiver: Receiver, bytes: Buffer): void => {
  if (last === undefined || receiver.done) return
  if (bytes.includes(last) || (receiver.tail + bytes.toString('latin1', 0, 200)).includes(last)) {
    receiver.done = true
    if (--left === 0) say({ type: 'counted', frames: total() - base })
  }
  receiver.tail = bytes.toString('latin1', Math.max(0, bytes.length - 200))
}

const open = (url: URL, first: string | null): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname)
    const receiver: Receiver = { socket, counter: new FrameCounter(), tail: '', done: false }
    let head: Buffer<ArrayBufferLike> | undefined = Buffer.alloc(0)
    socket.setNoDelay(true)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
    socket.write(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\n` +
        'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    socket.on('data', bytes => {
      let rest: Buffer<ArrayBufferLike> = bytes
      if (head) {
        head = Buffer.concat([head, bytes])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        if (!head.toString('latin1', 0, 16).includes(' 101')) {
          reject(new Error(head.toString('latin1', 0, 200)))
          return
        }
        rest = head.subarray(end + 4)
        head = undefined
        receivers.push(receiver)
        if (first === null) resolve()
        else socket.write(clientFrame(first))
      }
      receiver.counter.feed(rest)
      if (receiver.counter.frames > 0) resolve()
      look(receiver, rest)
    })
  })

process.on('message', async (task: ReceiversTask) => {
  if (task.type === 'count') {
    last = task.last
    left = receivers.length
    base = total()
    for (const receiver of receivers) Object.assign(receiver, { done: false, tail: '' })
    say({ type: 'counting' })
    return
  }
  // In groups, lest a thousand questions wait for one another longer than their deadline.
  for (let opened = 0; opened < task.count; opened += 50) {
    const group = Math.min(50, task.count - opened)
    await Promise.all(Array.from({ length: group }, () => open(new URL(task.url), task.first)))
  }
  say({ type: 'connected' })
})
process.on('disconnect', () => process.exit(0))
