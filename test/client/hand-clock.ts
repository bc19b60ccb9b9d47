/** A clock that a test moves by hand. */
import type { Clock } from '../../lib/client/clock.ts'

export type HandClock = Clock & {
  /** Moves on and does what is due, in order. */
  pass(ms: number): void
  /** Resolves once something is to be done at exactly `ms` from now. */
  planned(ms: number): Promise<void>
}

export const handClock = (): HandClock => {
  let nowMs = 0
  const plans = new Map<object, { atMs: number; act: () => void }>()
  const watchers = new Set<() => void>()
  return {
    nowMs: () => nowMs,
    random: () => 0,
    after: (ms, act) => {
      const plan = {}
      plans.set(plan, { atMs: nowMs + ms, act })
      for (const look of watchers) look()
      return () => void plans.delete(plan)
    },
    pass: ms => {
      const end = nowMs + ms
      for (;;) {
        const due = [...plans].filter(([, { atMs }]) => atMs <= end)
        const [first] = due.sort(([, a], [, b]) => a.atMs - b.atMs)
        if (!first) break
        plans.delete(first[0])
        nowMs = first[1].atMs
        first[1].act()
      }
      nowMs = end
    },
    planned: ms =>
      new Promise(resolve => {
        const look = () => {
          if (![...plans.values()].some(({ atMs }) => atMs === nowMs + ms)) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        look()
      }),
  }
}
