/**
 * The real system for one run: nats-server, owner, edge, api and a sandbox host as processes on free
 * ports. What the host would start is played here: sandboxes that end a prompt as soon as it comes.
 */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { startProvider } from '../test/fixtures/provider.ts'
import { type System, startSystem } from '../test/fixtures/system.ts'
import { INSPECTABLE } from './memory.ts'
import type { Scope } from './scope.ts'

export type Stage = {
  readonly system: System
  /** Opens a session with a connected sandbox. */
  readonly session: () => Promise<StagedSession>
}

export type StagedSession = {
  readonly sid: string
  /** Of the edge, for clients. */
  readonly url: string
  readonly token: string
  readonly sandbox: StagedSandbox
}

export type StagedSandbox = {
  /** Sends events and resolves when the last of them is acknowledged: it is in the log. */
  readonly say: (events: readonly object[]) => Promise<void>
}

export const startStage = async (
  scope: Scope,
  formation: { readonly edges?: number } = {},
): Promise<Stage> => {
  const provider = await startProvider(scope)
  const system = await startSystem(scope, {
    provider,
    ...formation,
    env: {
      LOG_LEVEL: 'info',
      MAX_UNFINISHED_PROMPTS: '100',
      SESSION_IDLE_MS: '600000',
      ...INSPECTABLE,
    },
  })
  return {
    system,
    session: async () => {
      const sid = await system.createSession()
      const created = await provider.until(
        'create',
        body => (body.session_id ?? body.session_config?.session_id) === sid,
      )
      const edge = system.edges[0]?.replace(/^http/, 'ws') ?? ''
      const sandbox = await connectSandbox(scope, `${edge}/sessions/${sid}/ws?type=sandbox`, {
        authorization: `Bearer ${created.sandbox_auth_token}`,
        'x-sandbox-id': String(created.sandbox_id),
      })
      const token = await system.wsToken(sid, 'alice')
      return { sid, url: `${edge}/sessions/${sid}/ws`, token, sandbox }
    },
  }
}

/** Speaks as our bridge does: numbered events, each acknowledged once it is stored. */
const connectSandbox = async (
  scope: Scope,
  url: string,
  headers: Record<string, string>,
): Promise<StagedSandbox> => {
  const socket = new WebSocket(url, { headers })
  scope.teardown(() => socket.terminate())
  await once(socket, 'open')
  const run = 'bench'
  const acknowledged = new Map<string, () => void>()
  let seq = 0
  const send = (event: object): string => {
    const ackId = `${run}:${++seq}`
    socket.send(JSON.stringify({ ...event, timestamp: Date.now() / 1000, run, seq, ackId }))
    return ackId
  }
  socket.on('message', bytes => {
    const frame = JSON.parse(bytes.toString())
    if (frame.type === 'prompt') {
      send({ type: 'execution_complete', messageId: frame.messageId, success: true })
    }
    if (frame.type !== 'ack') return
    acknowledged.get(frame.ackId)?.()
    acknowledged.delete(frame.ackId)
  })
  const say = (events: readonly object[]): Promise<void> => {
    const last = events.map(send).at(-1)
    return new Promise(resolve => {
      if (last === undefined) resolve()
      else acknowledged.set(last, resolve)
    })
  }
  await say([{ type: 'ready', opencodeSessionId: null, dedupes: true }])
  return { say }
}
