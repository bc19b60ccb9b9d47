/** Time and chance as arguments, so that a test can move them. */
export type Clock = {
  readonly nowMs: () => number
  /** Calls back after `ms`; returns what calls it off. */
  readonly after: (ms: number, act: () => void) => () => void
  /** 0 … 1 */
  readonly random: () => number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}
