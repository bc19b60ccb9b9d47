/**
 * What goes wrong, and when. Pure: the same seed, length and formation give the same plan, so a run that
 * failed can be run again. What the machine makes of it (which prompt was under way) is its own.
 */
import { type FaultKind, ROLES, type TargetRole } from './faults.ts'
import { randomOf } from './random.ts'

export type Step = {
  /** Since the load began. */
  readonly atMs: number
  readonly role: TargetRole
  readonly n: number
  readonly kind: FaultKind
  /** How long until it is made good. */
  readonly forMs: number
}

export type Formation = Readonly<Record<TargetRole, number>>

/** Nothing goes wrong before, so that there is something to compare with. */
const CALM_MS = 2_000
const MOST_AT_ONCE = 2
/** A nats-server that was away is given this long to catch up before the next one goes. */
const CATCH_UP_MS = 6_000

export const makePlan = (options: {
  readonly seed: number
  readonly seconds: number
  readonly formation: Formation
}): readonly Step[] => {
  const { seed, seconds, formation } = options
  const random = randomOf(seed, 'plan')
  const choices = Object.entries(ROLES).flatMap(([role, faults]) =>
    formation[role as TargetRole] > 0
      ? faults.map(fault => ({ role: role as TargetRole, ...fault }))
      : [],
  )
  const endMs = seconds * 1000
  const steps: Step[] = []
  for (let atMs = CALM_MS; atMs < endMs; atMs += random.between(300, 2_500)) {
    const { role, kind, leastMs, mostMs } = random.pick(choices)
    const n = random.between(0, formation[role] - 1)
    const step = { atMs, role, n, kind, forMs: random.between(leastMs, mostMs) }
    if (step.atMs + step.forMs <= endMs && fits(steps, step)) steps.push(step)
  }
  return steps
}

const fits = (steps: readonly Step[], next: Step): boolean => {
  const ongoing = steps.filter(step => step.atMs + step.forMs > next.atMs)
  if (ongoing.length >= MOST_AT_ONCE) return false
  if (ongoing.some(step => step.role === next.role && step.n === next.n)) return false
  const recent = steps.filter(step => step.atMs + step.forMs + CATCH_UP_MS > next.atMs)
  return next.role !== 'nats' || !recent.some(step => step.role === 'nats')
}
