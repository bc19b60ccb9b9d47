/**
 * A small control plane for tests of a bridge: takes its socket, keeps what it says, acknowledges
 * when told to.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import { readBridgeEnvironment } from '../../lib/sandbox/bridge/environment.ts'

export type Said = { readonly type: string; readonly [field: string]: unknown }

export type ControlPlane = {
  readonly url: string
  /** Everything said on any socket, in order; a new socket is `{type: 'CONNECTED'}`. */
  readonly said: Said[]
  /** Acknowledge what comes; true at first. */
  acknowledge: boolean
  /** Answer the next upgrades with this status instead. */
  refuseWith: number | undefined
  send(frame: object): void
  /** Cuts the socket without a word. */
  cut(): void
  /** Resolves with the first thing said, from `from` on, that fits. */
  until(fits: (event: Said) => boolean, from?: number): Promise<Said>
}

export const startControlPlane = async (t: Test): Promise<ControlPlane> => {
  let socket: WebSocket | undefined
  let waiting: Array<() => void> = []
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    verifyClient: (_info, done) =>
      plane.refuseWith === undefined
        ? done(true)
        : done(false, plane.refuseWith, 'Sandbox is stopped'),
  })
  await new Promise(resolve => server.once('listening', resolve))
  const note = (event: Said) => {
    plane.said.push(event)
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }
  server.on('connection', (connected, request) => {
    socket = connected
    note({ type: 'CONNECTED', url: request.url, headers: request.headers })
    connected.on('message', body => {
      const event = JSON.parse(String(body)) as Said
      note(event)
      if (plane.acknowledge && event.ackId) {
        connected.send(JSON.stringify({ type: 'ack', ackId: event.ackId }))
      }
    })
  })
  t.teardown(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  const plane: ControlPlane = {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    said: [],
    acknowledge: true,
    refuseWith: undefined,
    send: frame => socket?.send(JSON.stringify(frame)),
    cut: () => socket?.terminate(),
    until: async (fits, from = 0) => {
      for (;;) {
        const found = plane.said.slice(from).find(fits)
        if (found) return found
        await new Promise<void>(resolve => waiting.push(resolve))
      }
    },
  }
  return plane
}

/** Node as it runs this, with the demo agent. */
export const DEMO_AGENT = `${process.execPath} ${join(
  import.meta.dirname,
  '../../lib/sandbox/demo-agent/main.ts',
)}`

/** A sandbox's folder with an empty workspace, removed at the end. */
export const sandboxFolder = async (t: Test): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const name of ['workspace', 'home', 'tmp', 'git']) await mkdir(join(folder, name))
  return folder
}

/** The variables that a provider gives a bridge. */
export const bridgeVariables = (
  plane: ControlPlane,
  folder: string,
  more: Readonly<Record<string, string>> = {},
) => ({
  PATH: process.env.PATH,
  SANDBOX_ID: 'sandbox-demo-hello-1',
  CONTROL_PLANE_URL: plane.url,
  SANDBOX_AUTH_TOKEN: 'the-token',
  SESSION_CONFIG: JSON.stringify({ session_id: 's1', model: 'none' }),
  WORKSPACE: join(folder, 'workspace'),
  SANDBOX_FOLDER: folder,
  AGENT_COMMAND: DEMO_AGENT,
  ...more,
})

export const bridgeEnvironment = (...parameters: Parameters<typeof bridgeVariables>) =>
  readBridgeEnvironment(bridgeVariables(...parameters))

/** A prompt as the control plane sends it. */
export const promptFrame = (messageId: string, content: string, name = 'Ada') => ({
  type: 'prompt',
  messageId,
  content,
  model: 'none',
  author: {
    userId: name.toLowerCase(),
    githubName: name,
    githubEmail: null,
    gitIdentity: {
      mode: 'attributed-user',
      name,
      email: `${name.toLowerCase()}@example.com`,
    },
  },
})

export const completes = (messageId: string) => (event: Said) =>
  event.type === 'execution_complete' && event.messageId === messageId
