/** Plans with a purpose, beside the one by chance. Pure, like that one. */
import { type Formation, makePlan, type Step } from './plan.ts'

type Options = { readonly seed: number; readonly seconds: number; readonly formation: Formation }
type Scenario = (options: Options) => readonly Step[]

const FIRST_AT_MS = 3_000
const OUTAGE_MS = 60_000

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

/** One after the other, with a pause, for as long as there is time. */
const oneByOne = (steps: readonly Omit<Step, 'atMs'>[], everyMs: number, seconds: number): Step[] =>
  numbers(Math.floor((seconds * 1000 - FIRST_AT_MS) / everyMs)).map(n => ({
    ...(steps[n % steps.length] as Omit<Step, 'atMs'>),
    atMs: FIRST_AT_MS + n * everyMs,
  }))

export const SCENARIOS = {
  chance: makePlan,
  /** A new version of everything: every process is asked to stop and started again, in turn. */
  rolling: ({ formation, seconds }) => {
    const restart = (role: 'owner' | 'edge' | 'api') =>
      numbers(formation[role]).map(n => ({ role, n, kind: 'restart', forMs: 0 }) as const)
    return oneByOne(
      ['owner', 'edge', 'api'].flatMap(role => restart(role as never)),
      4_000,
      seconds,
    )
  },
  /** An edge dies, and is back before the next one does. */
  edges: ({ formation, seconds }) => {
    const kill = { role: 'edge', kind: 'kill', forMs: 3_000 } as const
    return oneByOne(
      numbers(formation.edge).map(n => ({ ...kill, n })),
      6_000,
      seconds,
    )
  },
  /** An owner dies and stays away for longer than its lease. */
  owners: ({ formation, seconds }) => {
    const kill = { role: 'owner', kind: 'kill', forMs: 8_000 } as const
    return oneByOne(
      numbers(formation.owner).map(n => ({ ...kill, n })),
      12_000,
      seconds,
    )
  },
  /** A nats-server dies, and is back before the next one does. */
  servers: ({ formation, seconds }) => {
    const kill = { role: 'nats', kind: 'kill', forMs: 2_000 } as const
    return oneByOne(
      numbers(formation.nats).map(n => ({ ...kill, n })),
      12_000,
      seconds,
    )
  },
  /** Each nats-server dies once, and owners and edges are restarted in between. */
  cluster: () => [
    { atMs: 2_000, role: 'nats', n: 0, kind: 'kill', forMs: 1_500 },
    { atMs: 7_000, role: 'owner', n: 0, kind: 'restart', forMs: 0 },
    { atMs: 9_000, role: 'edge', n: 0, kind: 'restart', forMs: 0 },
    { atMs: 12_000, role: 'nats', n: 1, kind: 'kill', forMs: 1_500 },
    { atMs: 17_000, role: 'owner', n: 1, kind: 'restart', forMs: 0 },
    { atMs: 19_000, role: 'edge', n: 1, kind: 'restart', forMs: 0 },
    { atMs: 22_000, role: 'nats', n: 2, kind: 'kill', forMs: 1_500 },
  ],
  /** All nats-servers are away for a minute. */
  outage: ({ formation }) =>
    numbers(formation.nats).map(n => ({
      atMs: FIRST_AT_MS,
      role: 'nats',
      n,
      kind: 'kill',
      forMs: OUTAGE_MS,
    })),
} as const satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof SCENARIOS

export const planOf = (name: ScenarioName, options: Options): readonly Step[] =>
  (SCENARIOS[name] as Scenario)(options)
