/**
 * Sandboxes: programs that speak the bridge's side of the socket. What they say is numbered, kept until it
 * is acknowledged, and said again over every new socket. A prompt that comes twice is run once.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Frame } from '../../fixtures/socket.ts'
import { type Ledger, SLEEP } from '../ledger.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'

const HEARTBEAT_EVERY_MS = 10_000
/** Doing a prompt takes some of these. */
const STEPS = 3
const MOST_STEP_MS = 20

const sidOf = ({ session_id, session_config }: Created): string => {
  const config = session_config as { session_id?: string } | undefined
  return String(session_id ?? config?.session_id)
}

type Created = { sandbox_id: string; sandbox_auth_token: string } & Record<string, unknown>

/** Answers the provider's calls: the sandbox that is to be created is one of these. */
export const startSandboxes = (world: World, ledger: Ledger, randomFor: (id: string) => Random) => {
  const known = new Map<string, { end(): void }>()
  const accept = world.provider.answer
  world.provider.answer = call => {
    const created = call.body as Created
    if (!/create|restore/.test(call.operation)) return accept(call)
    // The same job may be done twice. Ids are unique within a session.
    const key = `${sidOf(created)} ${created.sandbox_id}`
    if (!known.has(key)) known.set(key, startSandbox(world, ledger, created, randomFor(key)))
    return accept(call)
  }
  return {
    end: () => {
      for (const sandbox of known.values()) sandbox.end()
    },
  }
}

const startSandbox = (world: World, ledger: Ledger, created: Created, random: Random) => {
  const { sandbox_id: sandboxId } = created
  const sid = sidOf(created)
  const run = `run-${sandboxId}`.slice(0, 64)
  const begun = new Set<string>()
  const stopped = new Set<string>()
  const pushed = new Set<string>()
  let unacknowledged: { seq: number; text: string }[] = []
  let seq = 0
  let socket: WebSocket | undefined
  let ended = false

  const stamped = (event: Frame) => ({ ...event, sandboxId, timestamp: Date.now() / 1000 })
  const sendNow = (text: string) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(text)
  }
  const pass = (event: Frame) => sendNow(JSON.stringify(stamped(event)))
  /** Is said until it is stored. */
  const say = (event: Frame) => {
    seq++
    const text = JSON.stringify({ ...stamped(event), run, seq, ackId: `${run}:${seq}` })
    unacknowledged.push({ seq, text })
    sendNow(text)
  }
  const complete = (messageId: string, success: boolean) =>
    say({ type: 'execution_complete', messageId, success })

  const work = async ({ messageId, content }: Frame) => {
    if (begun.has(messageId)) return
    begun.add(messageId)
    ledger.runs.push({ sid, messageId, sandboxId, atMs: world.nowMs() })
    if (String(content).startsWith(SLEEP)) return
    let words = ''
    for (let n = 1; n <= random.between(1, STEPS); n++) {
      words += `${messageId} ${n} `
      pass({ type: 'token', messageId, content: words })
      const call = { type: 'tool_call', messageId, callId: String(n), tool: 'bash', args: {} }
      say({ ...call, status: 'running' })
      await wait(random.between(1, MOST_STEP_MS))
      if (ended || stopped.has(messageId)) return
      say({ ...call, status: 'completed', output: words })
    }
    complete(messageId, true)
  }
  /** Once for each request, however often it comes. */
  const push = ({ pushId, branchName }: Frame) => {
    if (pushed.has(pushId)) return
    pushed.add(pushId)
    world.gitHost.push(branchName)
    say({ type: 'push_complete', pushId, branchName })
  }
  const hear = (frame: Frame) => {
    if (frame.type === 'prompt') void work(frame)
    if (frame.type === 'push') push(frame)
    if (frame.type === 'shutdown') ended = true
    if (frame.type === 'ack') {
      const upTo = Number(String(frame.ackId).split(':').at(-1))
      unacknowledged = unacknowledged.filter(event => event.seq > upTo)
    }
    if (frame.type === 'stop' && frame.messageId && !stopped.has(frame.messageId)) {
      stopped.add(frame.messageId)
      complete(frame.messageId, false)
    }
  }
  /** One socket, from its opening to its end. */
  const connection = (edge: string) =>
    new Promise<void>(resolve => {
      socket = new WebSocket(`${edge.replace('http', 'ws')}/sessions/${sid}/ws?type=sandbox`, {
        headers: {
          authorization: `Bearer ${created.sandbox_auth_token}`,
          'x-sandbox-id': sandboxId,
        },
        handshakeTimeout: 10_000,
      })
      socket.on('open', () => {
        pass({ type: 'ready', opencodeSessionId: null, dedupes: true })
        for (const { text } of unacknowledged) sendNow(text)
      })
      socket.on('message', bytes => hear(JSON.parse(bytes.toString())))
      socket.on('error', () => {})
      socket.on('close', () => resolve())
    })
  const stay = async () => {
    for (let n = random.between(0, world.edges.length - 1); !ended; n++) {
      await connection(world.edges[n % world.edges.length] ?? world.edges[0])
      await wait(random.between(50, 250))
    }
  }
  const heartbeat = setInterval(() => pass({ type: 'heartbeat' }), HEARTBEAT_EVERY_MS)
  void stay().finally(() => clearInterval(heartbeat))
  return {
    end: () => {
      ended = true
      socket?.terminate()
    },
  }
}
