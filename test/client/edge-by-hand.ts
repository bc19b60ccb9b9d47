/** A real WebSocket server that answers only what the test tells it to. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ClientFrame, ClientFrameType } from '../../subjects/frames-client.ts'

type Test = { teardown(end: () => void | Promise<void>): unknown }
// biome-ignore lint/suspicious/noExplicitAny: tests read whatever comes
type Frame = any

/** What stands before the lines of a snapshot. */
type Older = { hasMore: boolean; cursor: object | null }

export type Peer = {
  readonly socket: WebSocket
  /** The next frame of a type that was not taken yet; waits for it. */
  take(type: ClientFrameType): Promise<Frame>
  /** Frames of a type that were not taken. */
  left(type: ClientFrameType): Frame[]
  send(frame: object): void
  /** Answers the subscription with a session whose lines `from + 1` … `to` it has missed. */
  welcome(from: number, to: number, recovered?: boolean, older?: Older): Promise<Frame>
}

export const line = (n: number) => ({
  eventId: `e${n}`,
  sequence: n,
  timelineSequence: n,
  event: { type: 'error', n },
})

const subscribed = (from: number, to: number, recovered: boolean, older: Older) => ({
  type: 'subscribed',
  sessionId: 's',
  participantId: 'p',
  participant: { participantId: 'p', userId: 'u', name: 'Ada' },
  recovered,
  session: {
    id: 's',
    title: null,
    repoOwner: 'demo',
    repoName: 'hello',
    baseBranch: 'main',
    branchName: null,
    status: 'created',
    sandboxStatus: 'pending',
    messageCount: 0,
    createdAt: 1,
    updatedAt: 1,
    model: 'a/b',
    reasoningEffort: null,
    isProcessing: false,
    totalCost: 0,
  },
  artifacts: [],
  timeline: {
    events: Array.from({ length: to - from }, (_, i) => line(from + i + 1)),
    ...older,
  },
  promptQueue: [],
  version: 1,
  held: false,
  spawnError: null,
  sequence: to,
})

const peerOf = (socket: WebSocket): Peer => {
  const frames: ClientFrame[] = []
  const watchers = new Set<() => void>()
  socket.on('message', bytes => {
    frames.push(JSON.parse(bytes.toString()))
    for (const look of watchers) look()
  })
  const peer: Peer = {
    socket,
    take: type =>
      new Promise(resolve => {
        const look = () => {
          const at = frames.findIndex(frame => frame.type === type)
          if (at < 0) return
          watchers.delete(look)
          resolve(frames.splice(at, 1)[0])
        }
        watchers.add(look)
        look()
      }),
    left: type => frames.filter(frame => frame.type === type),
    send: frame => socket.send(JSON.stringify(frame)),
    welcome: async (from, to, recovered = from > 0, older = { hasMore: false, cursor: null }) => {
      const asked = await peer.take('subscribe')
      peer.send(subscribed(from, to, recovered, older))
      return asked
    },
  }
  return peer
}

export type EdgeByHand = {
  readonly url: string
  /** The next socket that connects. */
  readonly next: () => Promise<Peer>
}

export const startEdgeByHand = async (t: Test): Promise<EdgeByHand> => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const peers: Peer[] = []
  const wanting: ((peer: Peer) => void)[] = []
  server.on('connection', socket => {
    const peer = peerOf(socket)
    const want = wanting.shift()
    if (want) want(peer)
    else peers.push(peer)
  })
  t.teardown(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: () =>
      new Promise(resolve => {
        const peer = peers.shift()
        if (peer) resolve(peer)
        else wanting.push(resolve)
      }),
  }
}
