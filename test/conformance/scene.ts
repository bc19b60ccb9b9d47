/**
 * One running system for all points of a file, in any shape: by default two owners, two edges and two
 * apis, and whoever connects or asks comes by the next of them. CONFORMANCE_COPIES=1 is the small shape.
 */
import process from 'node:process'
import {
  connectSandbox,
  type ProviderCall,
  startProvider,
  type TestProvider,
  type TestSandbox,
} from '../fixtures/provider.ts'
import { type Frame, openSocket, subscribe } from '../fixtures/socket.ts'
import { type System, startSystem } from '../fixtures/system.ts'

type Test = Parameters<typeof startSystem>[0]
// biome-ignore lint/suspicious/noExplicitAny: tests read whatever comes
type Body = Record<string, any>

export const COPIES = Number(process.env.CONFORMANCE_COPIES ?? 2)
/** How often a fake sandbox says that it lives; far below every limit that the points use. */
const BEAT_EVERY_MS = 150

/** The session that a call of the provider is about, whatever the operation. */
export const sessionOf = ({ body }: ProviderCall): string =>
  body.session_id ?? body.session_config?.session_id

export const startScene = async (t: Test, env: Record<string, string> = {}) => {
  const provider: TestProvider = await startProvider(t)
  const system: System = await startSystem(t, {
    provider,
    owners: COPIES,
    edges: COPIES,
    apis: COPIES,
    env: { MAX_UNFINISHED_PROMPTS: '100', ...env },
  })
  let turn = 0
  const seen = new Set<string>()

  const edge = (n = turn++): string => system.edges[n % COPIES] as string
  const call: System['call'] = (method, path, body, options) =>
    system.call(method, path, body, { api: turn++ % COPIES, ...options })

  /** The next call that asks for a sandbox of the session, which no earlier answer was. */
  const spawned = async (sid: string): Promise<ProviderCall> => {
    const isNew = (body: Body) =>
      sessionOf({ operation: '', body }) === sid && !seen.has(body.sandbox_id)
    const found = await Promise.race(
      ['create', 'restore'].map(async operation => ({
        operation,
        body: await provider.until(operation, isNew),
      })),
    )
    seen.add(found.body.sandbox_id)
    return found
  }

  return {
    provider,
    system,
    edge,
    call,
    spawned,
    session: (extra?: Body) => system.createSession(extra),
    /** The text of the answer of a prompt that was taken. */
    prompt: async (sid: string, content: string, userId = 'alice'): Promise<string> => {
      const { status, body } = await call('POST', `/sessions/${sid}/prompt`, {
        content,
        authorId: userId,
      })
      if (status !== 200) throw new Error(`prompt: ${status} ${JSON.stringify(body)}`)
      return body.messageId
    },
    /** A subscribed socket of a person. */
    client: async (t: Test, sid: string, options: { userId?: string; after?: number } = {}) => {
      const { userId = 'alice', after } = options
      const token = await system.wsToken(sid, userId)
      return subscribe(t, edge(), { sid, token, ...(after === undefined ? {} : { after }) })
    },
    /** A socket that has not said who it is. */
    stranger: (t: Test, sid: string) => openSocket(t, `${edge()}/sessions/${sid}/ws`),
    /** The sandbox that a call asked for, connected; the next call of the session by default. */
    sandbox: async (
      t: Test,
      sid: string,
      asked?: ProviderCall,
    ): Promise<TestSandbox & { readonly asked: ProviderCall }> => {
      const which = asked ?? (await spawned(sid))
      return { ...(await connectSandbox(t, edge(), which.body)), asked: which }
    },
    messages: async (sid: string, query = '') =>
      (await call('GET', `/sessions/${sid}/messages${query}`)).body.messages as Body[],
    show: async (sid: string): Promise<Body> => (await call('GET', `/sessions/${sid}`)).body,
    events: async (sid: string, query = ''): Promise<Body> =>
      (await call('GET', `/sessions/${sid}/events${query}`)).body,
  }
}

export type Scene = Awaited<ReturnType<typeof startScene>>

/** Lets a sandbox say that it lives, as every bridge does, until its socket is closed. */
export const beat = (sandbox: TestSandbox): { readonly stop: () => void } => {
  const timer = setInterval(
    () => sandbox.emit({ type: 'heartbeat', status: 'ready' }),
    BEAT_EVERY_MS,
  )
  const stop = () => clearInterval(timer)
  void sandbox.closed.then(stop)
  return { stop }
}

/** Fits a frame of a type with these values. */
export const of =
  (type: string, more: Body = {}) =>
  (frame: Frame): boolean =>
    frame.type === type && Object.entries(more).every(([key, value]) => frame[key] === value)

/** Fits a sandbox event of a type with these values. */
export const event =
  (type: string, more: Body = {}) =>
  (frame: Frame): boolean =>
    frame.type === 'sandbox_event' && of(type, more)(frame.event as Frame)

/** Resolves with why an upgrade was refused: `refused <status>: <text>`; fails if it was not. */
export const refusal = (opening: Promise<unknown>): Promise<string> =>
  opening.then(
    () => 'accepted',
    error => (error as Error).message,
  )

/** Asks until the answer fits; between two questions, everybody else gets a turn. */
export const eventually = async <T>(
  ask: () => Promise<T>,
  fits: (answer: T) => boolean,
): Promise<T> => {
  for (;;) {
    const answer = await ask()
    if (fits(answer)) return answer
    await new Promise(resolve => setImmediate(resolve))
  }
}

export const ackOf = (messageId: string) => of('ack', { ackId: `execution_complete:${messageId}` })
