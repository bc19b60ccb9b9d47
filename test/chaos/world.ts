/**
 * The world that a run happens to: the whole system as real processes, each with lines of its own to every
 * nats-server, and a line before each edge, so that any of them can be cut.
 */
import { type Bus, connectBus } from '../../lib/bus/connect.ts'
import type { Role } from '../fixtures/child-process.ts'
import { startProvider, type TestProvider } from '../fixtures/provider.ts'
import { type System, startSystem } from '../fixtures/system.ts'
import type { TargetRole } from './faults.ts'
import { COMMENTER, type GitHost, openGitHost } from './git-host.ts'
import type { Formation, Step } from './plan.ts'
import { type Line, openLine } from './proxy.ts'
import { randomOf } from './random.ts'

export type Scope = {
  teardown(end: () => void | Promise<void>): unknown
  comment(...text: unknown[]): void
  passing(): boolean
}

type Target = {
  readonly kill: () => Promise<unknown>
  readonly stop: () => Promise<unknown>
  readonly start: () => Promise<unknown>
  readonly pause: () => void
  readonly resume: () => void
  readonly setClock: (aheadMs: number) => Promise<void>
}
type Who = Pick<Step, 'role' | 'n'>

export type World = {
  readonly system: System
  readonly provider: TestProvider
  readonly gitHost: GitHost
  /** Origins of the edges, each behind its line. */
  readonly edges: readonly [string, ...string[]]
  /** The connection of the load and of the checks, straight to the nats-servers. */
  readonly bus: Bus
  /** Milliseconds since the world began. */
  readonly nowMs: () => number
  /** Aborts when the run is over and nobody is to wait for anything any more. */
  readonly over: AbortSignal
  readonly target: (who: Who) => Target
  readonly linesToNats: (who: Who) => readonly Line[]
  readonly lineToEdge: (n: number) => Line
  /** Processes that ended by themselves, and were started again as a supervisor would. */
  readonly endings: readonly string[]
}

/** Prompts that a sandbox never ends are ended by this. */
export const EXECUTION_TIMEOUT_MS = 12_000
export const LEASE_MS = 3_000

export const startWorld = async (
  scope: Scope,
  { formation, seed }: { readonly formation: Formation; readonly seed: number },
): Promise<World> => {
  const provider = await startProvider(scope)
  const gitHost = await openGitHost(scope, randomOf(seed, 'git host'))
  const lines = new Map<string, readonly Line[]>()
  const endings: string[] = []
  const over = new AbortController()
  scope.teardown(() => over.abort())
  const begunMs = performance.now()
  const nowMs = () => performance.now() - begunMs
  const again = async (role: Role, n: number, how: string) => {
    endings.push(`${role} ${n} ended by itself (${how}) at ${(nowMs() / 1000).toFixed(1)} s`)
    await system.process(role, n).start()
  }
  const system: System = await startSystem(scope, {
    owners: formation.owner,
    edges: formation.edge,
    apis: formation.api,
    sandboxes: formation.sandboxes,
    githubs: formation.github,
    gitHost: gitHost.url,
    provider,
    cluster: formation.nats > 1,
    clocks: true,
    env: {
      OWNER_LEASE_MS: String(LEASE_MS),
      EXECUTION_TIMEOUT_MS: String(EXECUTION_TIMEOUT_MS),
      MAX_UNFINISHED_PROMPTS: '100000',
      PUSH_TIMEOUT_MS: '10000',
      // Longer than its job is tried: a request that was given up would open a second one after a close.
      PULL_REQUEST_TIMEOUT_MS: '60000',
      WEBHOOK_REPAIR_MS: '2000',
      GITHUB_COMMENT_PROMPTS: COMMENTER.login,
      LOG_LEVEL: process.env.TEST_LOG ?? 'info',
    },
    natsUrl: async (role, n, servers) => {
      const own = await Promise.all(servers.map(({ port }) => openLine(scope, port)))
      lines.set(`${role}.${n}`, own)
      return own.map(({ port }) => `nats://127.0.0.1:${port}`).join()
    },
    onEnded: (role, n, how) =>
      void again(role, n, how).catch(error => endings.push(`${role} ${n}: ${error.message}`)),
  })
  const toEdges = await Promise.all(
    system.edges.map(origin => openLine(scope, Number(new URL(origin).port))),
  )
  const url = system.servers.map(server => server.url).join()
  const bus = await connectBus({ url, name: 'chaos' })
  scope.teardown(() => bus.close())
  const [first, ...others] = toEdges.map(line => `http://127.0.0.1:${line.port}`)
  if (first === undefined) throw new Error('there is no edge')

  return {
    system,
    provider,
    gitHost,
    edges: [first, ...others],
    bus,
    nowMs,
    over: over.signal,
    endings,
    target: ({ role, n }) => {
      if (role !== 'nats') return system.process(role, n)
      const server = system.servers[n]
      if (!server) throw new Error(`there is no nats-server ${n}`)
      const setClock = async () => {
        throw new Error('the clock of a nats-server cannot be set')
      }
      return { ...server, start: server.restart, setClock }
    },
    linesToNats: ({ role, n }) => lines.get(`${role}.${n}`) ?? [],
    lineToEdge: n => toEdges[n] as Line,
  }
}

/** What is started when nothing else is asked for. */
export const usualFormation = (servers: number): Formation =>
  ({ owner: 2, edge: 2, api: 2, github: 2, sandboxes: 1, nats: servers }) satisfies Record<
    TargetRole,
    number
  >
