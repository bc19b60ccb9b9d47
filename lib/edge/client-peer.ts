/**
 * A client's socket: what it says is parsed here, once, and handed to the row of its frame type. What
 * must keep its order (prompts, stops) is done one after the other for each socket; nobody else waits.
 */
import { codeOf, ERRORS } from '../../subjects/errors.ts'
import { type ClientFrameType, clientFrame } from '../../subjects/frames-client.ts'
import type { SocketPresence } from '../../subjects/signals.ts'
import { misfit } from '../../subjects/validation.ts'
import type { Edge } from './edge.ts'
import { CLIENT_FRAMES, type FrameRow } from './frames/table.ts'
import { CLIENT_BYTES_WAITING, CLIENT_FRAMES_WAITING } from './limits.ts'
import type { Room } from './room.ts'
import type { Socket } from './socket.ts'

export type ClientPeer = {
  readonly socket: Socket
  readonly room: Room
  /** Set once `subscribe` has succeeded: who it is, as announced to others. */
  member: SocketPresence | undefined
  /** A `subscribe` has been seen: there is no second one. */
  subscribing: boolean
  readonly authTimer: NodeJS.Timeout
  /** The end of the line of frames that are done one after the other. */
  line: Promise<void>
  waitingFrames: number
  waitingBytes: number
  /** When it last asked for older history. */
  historyAtMs: number
}

/** Lets a client's socket into its room, not yet authenticated. */
export const openClient = (edge: Edge, socket: Socket, room: Room): ClientPeer => {
  const peer: ClientPeer = {
    socket,
    room,
    member: undefined,
    subscribing: false,
    authTimer: setTimeout(() => socket.closeWith('AUTH_TIMEOUT'), edge.config.clientAuthTimeoutMs),
    line: Promise.resolve(),
    waitingFrames: 0,
    waitingBytes: 0,
    historyAtMs: Number.NEGATIVE_INFINITY,
  }
  room.clients.add(peer)
  return peer
}

/** The socket has ended. Frames that were taken in are still done. */
export const closeClient = (edge: Edge, peer: ClientPeer): void => {
  clearTimeout(peer.authTimer)
  peer.room.clients.delete(peer)
  peer.room.audience.remove(peer.socket)
  if (peer.member) peer.room.presence.changed()
  edge.rooms.leave(peer.room)
}

/** Takes one text frame in. */
export const onClientText = (edge: Edge, peer: ClientPeer, text: string): void => {
  const raw = parse(text)
  const type = typeOf(raw)
  if (!peer.member && type && !CLIENT_FRAMES[type].beforeJoining) {
    peer.socket.closeWith('NOT_SUBSCRIBED')
    return
  }
  const parsed = clientFrame.safeParse(raw)
  if (!parsed.success) {
    const code = (type && CLIENT_FRAMES[type].malformed) ?? 'INVALID_MESSAGE'
    const reason = raw === undefined ? 'Not JSON' : misfit(parsed.error)
    const clientRequestId = type && requestIdOf(raw)
    const { text: message } = ERRORS[code]
    peer.socket.send({ type: 'error', code, message, clientRequestId, reason })
    return
  }
  // The row fits the frame because both were picked by the same type.
  const row = CLIENT_FRAMES[parsed.data.type] as FrameRow<ClientFrameType>
  const requestId = requestIdOf(raw)
  if (row.inOrder) {
    queue(edge, peer, text.length, requestId, () => row.run(edge, peer, parsed.data))
    return
  }
  void attempt(edge, peer, requestId, () => row.run(edge, peer, parsed.data))
}

const attempt = async (
  edge: Edge,
  peer: ClientPeer,
  requestId: string | undefined,
  run: () => Promise<void> | void,
): Promise<void> => {
  try {
    await run()
  } catch (error) {
    if (!codeOf(error)) edge.log.error({ err: error, sid: peer.room.sid }, 'a frame failed')
    peer.socket.sendThrown(error, requestId)
  }
}

const queue = (
  edge: Edge,
  peer: ClientPeer,
  bytes: number,
  requestId: string | undefined,
  run: () => Promise<void> | void,
) => {
  if (
    peer.waitingFrames >= CLIENT_FRAMES_WAITING ||
    peer.waitingBytes + bytes > CLIENT_BYTES_WAITING
  ) {
    peer.socket.sendError('RATE_LIMITED', undefined, requestId)
    return
  }
  peer.waitingFrames++
  peer.waitingBytes += bytes
  peer.line = peer.line.then(async () => {
    await attempt(edge, peer, requestId, run)
    peer.waitingFrames--
    peer.waitingBytes -= bytes
  })
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const typeOf = (raw: unknown): ClientFrameType | undefined => {
  const type = (raw as { type?: unknown } | null | undefined)?.type
  return typeof type === 'string' && Object.hasOwn(CLIENT_FRAMES, type)
    ? (type as ClientFrameType)
    : undefined
}

const requestIdOf = (raw: unknown): string | undefined => {
  const id = (raw as { clientRequestId?: unknown } | null | undefined)?.clientRequestId
  return typeof id === 'string' && id.length <= 128 ? id : undefined
}
