/**
 * The demo agent: an agent of the Agent Client Protocol that needs no model and no account. It does
 * what the lines of a prompt say (script.ts), so that the whole system can be tried and tested. It
 * ends, with all it runs, when its standard input closes.
 */
import { randomUUID } from 'node:crypto'
import { Readable, Writable } from 'node:stream'
import {
  agent,
  methods,
  ndJsonStream,
  PROTOCOL_VERSION,
  RequestError,
} from '@agentclientprotocol/sdk'
import { perform } from './perform.ts'
import { scriptOf } from './script.ts'
import { endAllCommands } from './shell.ts'

const sessions = new Map<string, { readonly cwd: string; turn: AbortController | undefined }>()

const app = agent({ name: 'demo-agent' })
  .onRequest(methods.agent.initialize, () => ({
    protocolVersion: PROTOCOL_VERSION,
    agentCapabilities: { loadSession: true },
    agentInfo: { name: 'demo-agent', version: '1' },
  }))
  .onRequest(methods.agent.session.new, ({ params }) => {
    const sessionId = `demo-${randomUUID()}`
    sessions.set(sessionId, { cwd: params.cwd, turn: undefined })
    return { sessionId }
  })
  .onRequest(methods.agent.session.load, ({ params }) => {
    if (!params.sessionId.startsWith('demo-')) throw RequestError.resourceNotFound(params.sessionId)
    sessions.set(params.sessionId, { cwd: params.cwd, turn: undefined })
    return {}
  })
  .onRequest(methods.agent.session.prompt, async ({ params, client }) => {
    const session = sessions.get(params.sessionId)
    if (!session) throw RequestError.resourceNotFound(params.sessionId)
    session.turn = new AbortController()
    const content = params.prompt.map(block => (block.type === 'text' ? block.text : '')).join('\n')
    const stopReason = await perform(scriptOf(content), {
      cwd: session.cwd,
      signal: session.turn.signal,
      send: update =>
        client.notify(methods.client.session.update, { sessionId: params.sessionId, update }),
    })
    session.turn = undefined
    return { stopReason }
  })
  .onNotification(methods.agent.session.cancel, ({ params }) => {
    sessions.get(params.sessionId)?.turn?.abort()
  })

process.on('exit', endAllCommands)
process.on('SIGTERM', () => process.exit(0))
process.on('SIGINT', () => process.exit(0))

const connection = app.connect(
  ndJsonStream(
    Writable.toWeb(process.stdout) as WritableStream<Uint8Array>,
    Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
  ),
)
await connection.closed.catch(() => {})
process.exit(0)
