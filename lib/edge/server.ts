/**
 * The listening side of an edge: routes, limits and callbacks of uWebSockets.js. It knows which socket is
 * whose; what they say and hear is decided by the peers.
 */
import uWS, { type HttpRequest, type TemplatedApp, type WebSocketBehavior } from 'uWebSockets.js'
import { fail } from '../../subjects/errors.ts'
import { CLIENT_FRAME_BYTES } from '../../subjects/frames-client.ts'
import { type ClientPeer, closeClient, onClientText, openClient } from './client-peer.ts'
import type { Edge } from './edge.ts'
import { answer, answerPreflight, holdUpgrade } from './http.ts'
import {
  CUT_OFF_BYTES,
  HARD_LIMIT_FACTOR,
  IDLE_TIMEOUT_SECONDS,
  SANDBOX_FRAME_BYTES,
} from './limits.ts'
import type { SandboxPeer } from './sandbox-peer.ts'
import { Socket } from './socket.ts'
import { admitClient, admitSandbox, type ClientSeat, type SandboxSeat } from './upgrade.ts'

const PATH = '/sessions/:id/ws'
const JSON_TYPE = 'application/json'
const PATH_PATTERN = /^\/sessions\/[^/]+\/ws$/

type ClientSocket = ClientSeat & { socket?: Socket; peer?: ClientPeer }
type SandboxSocket = SandboxSeat & { socket?: Socket; peer?: SandboxPeer }

const LIMITS = {
  idleTimeout: IDLE_TIMEOUT_SECONDS,
  sendPingsAutomatically: true,
  maxBackpressure: CUT_OFF_BYTES,
  // A socket that misses one frame may not go on. (The declared type is wrong: 1 is true.)
  closeOnBackpressureLimit: 1,
} as const

const isSandbox = (req: HttpRequest): boolean => req.getQuery('type') === 'sandbox'
const textOf = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString()

/** Ends the socket of a frame that is too large. @returns whether it was */
const refuseAbove = (most: number, { byteLength }: ArrayBuffer, socket: Socket | undefined) => {
  const isTooLarge = byteLength > most
  if (isTooLarge) socket?.closeWith('FRAME_TOO_LARGE', `A frame may have at most ${most} bytes`)
  return isTooLarge
}

const clients = (edge: () => Edge): WebSocketBehavior<ClientSocket> => ({
  ...LIMITS,
  maxPayloadLength: HARD_LIMIT_FACTOR * CLIENT_FRAME_BYTES,
  upgrade: (res, req, context) => {
    if (isSandbox(req)) {
      req.setYield(true)
      return
    }
    const sid = req.getParameter(0)
    void admitClient(edge(), sid, holdUpgrade(res, req, context, edge().doorman.under))
  },
  open: ws => {
    const seat = ws.getUserData()
    seat.socket = new Socket(ws)
    seat.peer = openClient(edge(), seat.socket, edge().rooms.enter(seat.sid))
  },
  message: (ws, bytes, isBinary) => {
    const { peer, socket } = ws.getUserData()
    if (refuseAbove(CLIENT_FRAME_BYTES, bytes, socket)) return
    if (peer && !isBinary) onClientText(edge(), peer, textOf(bytes))
  },
  drain: ws => {
    const { peer, socket } = ws.getUserData()
    if (!peer || !socket || !peer.room.audience.drained(socket)) return
    const text = peer.room.text.newest()
    if (text) socket.send(text)
  },
  close: (ws, code, reason) => {
    const { peer, socket, sid } = ws.getUserData()
    socket?.ended()
    edge().log.debug({ sid, code, reason: textOf(reason) }, 'a client is gone')
    if (peer) closeClient(edge(), peer)
  },
})

const sandboxes = (
  edge: () => Edge,
  onEnding: (ending: Promise<void>) => void,
): WebSocketBehavior<SandboxSocket> => ({
  ...LIMITS,
  maxPayloadLength: HARD_LIMIT_FACTOR * SANDBOX_FRAME_BYTES,
  upgrade: (res, req, context) => {
    const path = req.getUrl()
    if (!isSandbox(req) || !PATH_PATTERN.test(path)) {
      answer(res, 400, 'Invalid WebSocket path')
      return
    }
    const asked = {
      sid: path.split('/')[2] ?? '',
      token: /^Bearer (.+)$/i.exec(req.getHeader('authorization'))?.[1] ?? '',
      sandboxId: req.getHeader('x-sandbox-id'),
    }
    void admitSandbox(edge(), asked, holdUpgrade(res, req, context, edge().doorman.under))
  },
  open: ws => {
    const seat = ws.getUserData()
    seat.socket = new Socket(ws)
    seat.peer = seat.seat(seat.socket)
  },
  message: (ws, bytes, isBinary) => {
    const { peer, socket } = ws.getUserData()
    if (refuseAbove(SANDBOX_FRAME_BYTES, bytes, socket)) return
    if (peer && !isBinary) peer.onText(textOf(bytes), bytes.byteLength)
  },
  pong: (ws, payload) => ws.getUserData().peer?.onPong(textOf(payload)),
  close: (ws, code) => {
    const { peer, socket, room } = ws.getUserData()
    socket?.ended()
    if (!peer) return
    room.sandboxes.delete(peer)
    onEnding(peer.onClosed(code).finally(() => edge().rooms.leave(room)))
  },
})

export type Server = {
  readonly port: number
  /** Takes no new connection. */
  stopListening(): void
  /** Ends every socket that is still there, without a word. */
  close(): void
}

/**
 * Adds all routes. `edge` is called with the first request, never before.
 * @param onEnding gets what each sandbox's socket leaves to be finished
 */
export const routeAll = (
  app: TemplatedApp,
  edge: () => Edge,
  onEnding: (ending: Promise<void>) => void,
): void => {
  app.ws(PATH, clients(edge))
  // Any other path too: the first one that yields, and those that are refused, come here.
  app.ws('/*', sandboxes(edge, onEnding))
  app.get('/health', res => answer(res, 200, JSON.stringify(health(edge())), { type: JSON_TYPE }))
  app.options('/*', res => answerPreflight(res))
  app.any('/*', (res, req) => {
    const status = PATH_PATTERN.test(req.getUrl()) ? 426 : 404
    const error = status === 426 ? 'Expected a WebSocket upgrade' : 'Not found'
    answer(res, status, JSON.stringify({ error }), { type: JSON_TYPE })
  })
}

const health = (edge: Edge) => {
  const rooms = edge.rooms.all()
  return {
    status: 'healthy',
    service: 'edge',
    edge: edge.name,
    rooms: rooms.length,
    clients: rooms.reduce((sum, room) => sum + room.clients.size, 0),
    sandboxes: rooms.reduce((sum, room) => sum + room.sandboxes.size, 0),
  }
}

/** LIBUS_LISTEN_EXCLUSIVE_PORT, which the declared types have under a name that does not exist. */
const EXCLUSIVE_PORT = 1

type ListenOn = (
  host: string,
  port: number,
  options: number,
  done: (socket: uWS.us_listen_socket | false) => void,
) => void

/**
 * @param port 0 picks a free one
 * @throws code PORT_IN_USE; without the option two edges would silently share one port
 */
export const listen = (app: TemplatedApp, host: string, port: number): Server => {
  let token: uWS.us_listen_socket | false = false
  const listenOn = app.listen.bind(app) as unknown as ListenOn
  // The callback runs inside the call.
  listenOn(host, port, EXCLUSIVE_PORT, socket => {
    token = socket
  })
  if (!token) {
    const message = `Port ${port} of ${host} is in use: stop what uses it, or set EDGE_PORT to another.`
    throw fail('PORT_IN_USE', { message })
  }
  const listening: uWS.us_listen_socket = token
  let open = true
  const stopListening = () => {
    if (open) uWS.us_listen_socket_close(listening)
    open = false
  }
  return {
    port: uWS.us_socket_local_port(listening),
    stopListening,
    close: () => {
      open = false
      app.close()
    },
  }
}
