/**
 * What can go wrong with whom. A role is a line of the table; another one is another line.
 * Each fault is inflicted, lasts, and is made good; what the product does meanwhile is its own affair.
 */
import type { Step } from './plan.ts'
import type { Line } from './proxy.ts'
import type { World } from './world.ts'

export type TargetRole = 'owner' | 'edge' | 'api' | 'github' | 'sandboxes' | 'nats'

export type FaultKind =
  | 'kill'
  | 'restart'
  | 'pause'
  | 'freeze'
  | 'cut'
  | 'hang'
  | 'offline'
  | 'clock'

type Chance = { readonly kind: FaultKind; readonly leastMs: number; readonly mostMs: number }

const chance = (kind: FaultKind, leastMs: number, mostMs: number): Chance => ({
  kind,
  leastMs,
  mostMs,
})

/** kill -9, and the supervisor starts it again a moment later. */
const kill = chance('kill', 100, 2_000)
/** SIGTERM, and at once again: what a rolling upgrade does. */
const restart = chance('restart', 0, 200)
/** SIGSTOP, as a busy machine does. */
const pause = chance('pause', 100, 1_500)
/** SIGSTOP for longer than the lease: others have taken over when it wakes. */
const freeze = chance('freeze', 4_000, 8_000)
/** Its connections to every nats-server break, and new ones are refused. */
const cut = chance('cut', 100, 4_000)
/** Its connections to every nats-server stay open, and nothing comes through. */
const hang = chance('hang', 500, 5_000)
/** The same between an edge and its clients and sandboxes. */
const offline = chance('offline', 100, 3_000)

/** Its wall clock is wrong, see CLOCK_STEPS_MS. */
const clock = chance('clock', 500, 6_000)

export const ROLES: Readonly<Record<TargetRole, readonly Chance[]>> = {
  owner: [kill, kill, restart, pause, freeze, cut, hang, clock],
  edge: [kill, kill, restart, pause, freeze, cut, hang, offline, clock],
  api: [kill, restart, pause, cut, clock],
  github: [kill, restart, pause, cut, clock],
  sandboxes: [kill, restart, clock],
  nats: [kill, kill, restart, chance('pause', 100, 3_000)],
}

const MINUTE_MS = 60_000
/** By how much a clock is set wrong. */
const CLOCK_STEPS_MS = [-60, -10, -1, 1, 10, 60].map(minutes => minutes * MINUTE_MS)

const healAll = (lines: readonly Line[]) => {
  for (const line of lines) line.heal()
}

type Inflict = (world: World, step: Step) => Promise<() => unknown>

/** Inflicts; what it resolves with makes it good. */
const FAULTS: Readonly<Record<FaultKind, Inflict>> = {
  kill: async (world, step) => {
    const target = world.target(step)
    await target.kill()
    return () => target.start()
  },
  restart: async (world, step) => {
    const target = world.target(step)
    await target.stop()
    return () => target.start()
  },
  pause: async (world, step) => {
    const target = world.target(step)
    target.pause()
    return target.resume
  },
  freeze: (world, step) => FAULTS.pause(world, step),
  cut: async (world, step) => {
    const lines = world.linesToNats(step)
    for (const line of lines) line.cut()
    return () => healAll(lines)
  },
  hang: async (world, step) => {
    const lines = world.linesToNats(step)
    for (const line of lines) line.hang()
    return () => healAll(lines)
  },
  offline: async (world, { n }) => {
    const line = world.lineToEdge(n)
    line.cut()
    return line.heal
  },
  clock: async (world, step) => {
    const { setClock } = world.target(step)
    // The same step of a plan is by the same amount.
    await setClock(CLOCK_STEPS_MS[step.forMs % CLOCK_STEPS_MS.length] ?? 0)
    return () => setClock(0)
  },
}

export const inflict: Inflict = (world, step) => FAULTS[step.kind](world, step)
