/**
 * A WebSocket of this process with itself, under whose cork every upgrade is made.
 *
 * Why: `res.cork(() => res.upgrade(…))`, as uWebSockets.js wants an upgrade that was decided later, reads
 * the request's state after the socket has become a WebSocket and that memory is freed. Whatever stands
 * there by then may say "close the connection", and now and then a socket ended right after it had opened,
 * without a word. Under another socket's cork that code is not reached. MALLOC_PERTURB_=16 (glibc) writes
 * "close" into all freed memory, and shows it every time; see test/edge/doorman.test.ts.
 *
 * Should its connection break, it is made again; until then upgrades are made as before.
 */
import uWS, { type WebSocket as Corked } from 'uWebSockets.js'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Log } from '../telemetry/log.ts'
import { listen } from './server.ts'

export type Doorman = {
  /** Runs `write` under the cork of the doorman's own socket. */
  readonly under: (write: () => void) => void
  readonly close: () => void
}

const LOOPBACK = '127.0.0.1'
const AGAIN_MS = 100

/** Resolves once it stands at the door. */
export const openDoorman = async (log: Log): Promise<Doorman> => {
  // Nobody else can know the path.
  const path = `/${randomUUID()}`
  let here: Corked<unknown> | undefined
  let closed = false
  const app = uWS.App().ws(path, {
    idleTimeout: 0,
    maxPayloadLength: 16,
    open: ws => {
      here = ws
    },
    close: () => {
      here = undefined
    },
  })
  const server = listen(app, LOOPBACK, 0)
  const connect = () => {
    const socket = new WebSocket(`ws://${LOOPBACK}:${server.port}${path}`)
    socket.addEventListener('close', () => {
      if (closed) return
      log.warn('the doorman lost his socket, making it again')
      setTimeout(connect, AGAIN_MS)
    })
    return socket
  }
  await once(connect(), 'open')
  return {
    under: write => {
      if (here) here.cork(write)
      else write()
    },
    close: () => {
      closed = true
      server.stopListening()
      server.close()
    },
  }
}
