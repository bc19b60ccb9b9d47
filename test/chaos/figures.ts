/** How long users waited, by what was wrong meanwhile. */
import type { Ledger, Way } from './ledger.ts'
import type { Step } from './plan.ts'

export type Waits = {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly worstMs: number
}

export const waitsOf = (samples: readonly number[]): Waits => {
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1) }
}

/** A fault as it was: from when to when, by the world's clock. */
export type Happened = Step & { readonly fromMs: number; readonly toMs: number }

export type Figures = {
  /** Of prompts: until they were accepted. Of clients: without a socket, until they had caught up. */
  readonly [what: string]: {
    readonly prompts: Waits
    readonly outages: Waits
    readonly times: number
  }
}

/** What began within this time after a fault is counted as its consequence. */
const AFTERMATH_MS = 1_000

export const figuresOf = (ledger: Ledger, faults: readonly Happened[]): Figures => {
  const kinds = Map.groupBy(faults, ({ role, kind }) => `${role} ${kind}`)
  const figures: Record<string, Figures[string]> = {}
  const prompts = ledger.sent.flatMap(({ atMs, acceptedAtMs }) =>
    acceptedAtMs === undefined ? [] : [{ atMs, forMs: acceptedAtMs - atMs }],
  )
  const add = (what: string, times: number, touches: (atMs: number, forMs: number) => boolean) => {
    const waits = (samples: readonly { atMs: number; forMs: number }[]) =>
      waitsOf(samples.filter(({ atMs, forMs }) => touches(atMs, forMs)).map(({ forMs }) => forMs))
    figures[what] = { times, prompts: waits(prompts), outages: waits(ledger.outages) }
  }
  add('all', faults.length, () => true)
  const during = (some: readonly Happened[]) => (atMs: number, forMs: number) =>
    some.some(({ fromMs, toMs }) => atMs < toMs + AFTERMATH_MS && atMs + forMs > fromMs)
  const hit = during(faults)
  add('nothing wrong', 0, (atMs, forMs) => !hit(atMs, forMs))
  for (const [what, some] of [...kinds].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    add(what, some.length, during(some))
  }
  return figures
}

export type Longest = {
  readonly way: Way
  readonly id: string
  readonly sid: string
  /** Since the load began. */
  readonly atMs: number
  readonly forMs: number
}
const LONGEST = 10

/** How long prompts waited by the way in which they were sent, and those that waited longest. */
export const waysOf = (
  ledger: Ledger,
  beganMs: number,
): { readonly ways: Readonly<Record<string, Waits>>; readonly longest: readonly Longest[] } => {
  const accepted = ledger.sent.flatMap(({ way, id, sid, atMs, acceptedAtMs }) =>
    acceptedAtMs === undefined
      ? []
      : [
          {
            way,
            id,
            sid,
            atMs: Math.round(atMs - beganMs),
            forMs: Math.round(acceptedAtMs - atMs),
          },
        ],
  )
  const ways = Map.groupBy(accepted, ({ way }) => way)
  return {
    ways: Object.fromEntries(
      [...ways].map(([way, some]) => [way, waitsOf(some.map(({ forMs }) => forMs))]),
    ),
    longest: accepted.toSorted((a, b) => b.forMs - a.forMs).slice(0, LONGEST),
  }
}
