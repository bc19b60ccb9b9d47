/**
 * One agent process, spoken to by the Agent Client Protocol on its standard streams. Starts it,
 * opens or loads its session, sends prompts. When the process ends, the prompt under way fails with
 * the last lines it wrote; whoever owns this starts another.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { Readable, Writable } from 'node:stream'
import {
  type ClientConnection,
  type ContentBlock,
  client,
  type LoadSessionResponse,
  methods,
  ndJsonStream,
  PROTOCOL_VERSION,
  type PromptCapabilities,
  type RequestPermissionRequest,
  type SessionConfigOption,
  type SessionUpdate,
  type SetSessionConfigOptionResponse,
  type StopReason,
} from '@agentclientprotocol/sdk'
import { fail } from '../../../subjects/errors.ts'
import type { Confine } from './confine.ts'

export type AgentOptions = {
  readonly commandLine: string
  readonly workspace: string
  readonly env: Readonly<Record<string, string>>
  readonly confine: Confine
  /** A session of an earlier process of the same agent, to go on with if the agent can. */
  readonly loadSessionId: string | null
  readonly startWithinMs: number
  readonly onUpdate: (update: SessionUpdate) => void
  /** A permission was asked for and given: inside the sandbox the agent may do what it likes. */
  readonly onPermission: (request: RequestPermissionRequest, optionName: string) => void
  readonly log: (line: string) => void
}

export type Agent = {
  readonly sessionId: string
  readonly capabilities: PromptCapabilities
  /** What may be chosen for its session at present, for instance a model. */
  readonly offered: () => readonly SessionConfigOption[]
  /** Chooses one of that. */
  choose(configId: string, value: string): Promise<void>
  /** Runs one prompt. Rejects when the process ends or the agent answers with an error. */
  prompt(content: readonly ContentBlock[]): Promise<StopReason>
  /** Asks the agent to end the prompt under way. */
  cancel(): Promise<void>
  /** Ends the process and whatever it started, politely, after `graceMs` by force. */
  end(graceMs: number): Promise<void>
  readonly alive: () => boolean
}

const STDERR_LINES = 20

/** @throws an error whose message says why the agent could not be started, for people */
export const startAgent = async (options: AgentOptions): Promise<Agent> => {
  const [command = '/bin/false', ...args] = await options.confine(options.commandLine)
  const child = spawn(command, args, {
    cwd: options.workspace,
    env: { ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const stderr = lastLines(child, options.log)
  const ended = new Promise<never>((_, reject) => {
    child.once('error', error => reject(new Error(`The agent cannot be run: ${error.message}`)))
    // `close`, not `exit`: only then has all of its stderr been read.
    child.once('close', (code, signal) => {
      const how = signal ? `was ended by ${signal}` : `ended with code ${code}`
      reject(new Error([`The agent ${how}.`, ...stderr()].join('\n')))
    })
  })
  ended.catch(() => {})
  child.stdin.on('error', () => {})

  let offered: readonly SessionConfigOption[] = []
  const app = client({ name: 'bridge' })
    .onRequest(methods.client.session.requestPermission, ({ params }) => {
      const option =
        params.options.find(candidate => candidate.kind === 'allow_always') ??
        params.options.find(candidate => candidate.kind === 'allow_once')
      if (!option) return { outcome: { outcome: 'cancelled' as const } }
      options.onPermission(params, option.name)
      return { outcome: { outcome: 'selected' as const, optionId: option.optionId } }
    })
    .onNotification(methods.client.session.update, ({ params: { update } }) => {
      if (update.sessionUpdate === 'config_option_update') offered = update.configOptions
      options.onUpdate(update)
    })
  const connection = app.connect(
    ndJsonStream(
      Writable.toWeb(child.stdin) as WritableStream<Uint8Array>,
      Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
    ),
  )
  connection.closed.catch(() => {})
  const agent = connection.agent
  const alive = () => child.exitCode === null && child.signalCode === null
  const end = (graceMs: number) => endProcess(child, alive, graceMs)
  /** The protocol's own "connection closed" says less than how the process ended. */
  const orEnded = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await Promise.race([answer, ended])
    } catch (error) {
      if (connection.signal.aborted) await Promise.race([ended, pause(1_000)])
      throw error
    }
  }

  try {
    const { sessionId, capabilities, configOptions } = await within(
      options.startWithinMs,
      orEnded(openSession(agent, options.workspace, options.loadSessionId, options.log)),
    )
    offered = configOptions ?? offered
    return {
      sessionId,
      capabilities,
      offered: () => offered,
      choose: async (configId, value) => {
        const request = { sessionId, configId, value }
        const { setConfigOption } = methods.agent.session
        const answer = await orEnded(
          agent.request<SetSessionConfigOptionResponse>(setConfigOption, request),
        )
        offered = answer.configOptions
      },
      alive,
      end,
      prompt: async content => {
        const request = agent.request(methods.agent.session.prompt, {
          sessionId,
          prompt: [...content],
        })
        return (await orEnded(request)).stopReason
      },
      cancel: () => agent.notify(methods.agent.session.cancel, { sessionId }),
    }
  } catch (error) {
    await end(0)
    throw new Error(`The agent did not start: ${describe(error)}`, { cause: error })
  }
}

type Opened = Pick<Agent, 'sessionId' | 'capabilities'> & {
  readonly configOptions?: readonly SessionConfigOption[] | null | undefined
}

const openSession = async (
  agent: ClientConnection['agent'],
  cwd: string,
  loadSessionId: string | null,
  log: (line: string) => void,
): Promise<Opened> => {
  const initialized = await agent.request(methods.agent.initialize, {
    protocolVersion: PROTOCOL_VERSION,
    clientCapabilities: {},
    clientInfo: { name: 'agent-control-plane', version: '1' },
  })
  const capabilities = initialized.agentCapabilities?.promptCapabilities ?? {}
  if (loadSessionId !== null && initialized.agentCapabilities?.loadSession) {
    try {
      const loaded = await agent.request(methods.agent.session.load, {
        sessionId: loadSessionId,
        cwd,
        mcpServers: [],
      })
      const { configOptions } = (loaded ?? {}) as LoadSessionResponse
      return { sessionId: loadSessionId, capabilities, configOptions }
    } catch (error) {
      log(`session ${loadSessionId} was not found by the agent: ${describe(error)}`)
    }
  }
  const opened = await agent.request(methods.agent.session.new, { cwd, mcpServers: [] })
  const { sessionId, configOptions } = opened
  return { sessionId, capabilities, configOptions }
}

/** Keeps the last lines of a process' standard error, and logs them all. */
const lastLines = (child: ChildProcess, log: (line: string) => void): (() => string[]) => {
  let lines: string[] = []
  let rest = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = (parts.pop() ?? '').slice(-2_000)
    for (const line of parts) log(`agent: ${line.slice(0, 2_000)}`)
    lines = [...lines, ...parts.map(line => line.slice(0, 500))].slice(-STDERR_LINES)
  })
  return () => [...lines, rest].filter(line => line.trim() !== '')
}

const endProcess = async (child: ChildProcess, alive: () => boolean, graceMs: number) => {
  if (!alive()) return
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
  child.stdin?.end()
  if (graceMs > 0) {
    child.kill('SIGTERM')
    await Promise.race([gone, pause(graceMs)])
  }
  if (alive()) child.kill('SIGKILL')
  await gone
}

const pause = (ms: number) =>
  new Promise<void>(resolve => {
    setTimeout(resolve, ms).unref()
  })

const within = async <T>(ms: number, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(fail('INTERNAL', { message: `no answer in ${ms} ms` })), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What went wrong, in a line; the protocol's errors keep their details in `data`. */
export const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return JSON.stringify(error)?.slice(0, 2_000) ?? String(error)
  const data = (error as { data?: unknown }).data
  return data === undefined ? error.message : `${error.message} ${JSON.stringify(data)}`
}
