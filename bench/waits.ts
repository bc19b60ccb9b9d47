/** How long those wait who want one thing after the other, and who do not give up. */
import { setTimeout as delay } from 'node:timers/promises'
import { percentile } from './report.ts'

/** By `performance.now()`. */
export type Wait = { readonly who: string; readonly fromMs: number; readonly toMs: number }

/** Begins something at most every `everyMs`, each when the one before is done. Never throws. */
export const insistently = async (options: {
  readonly who: string
  readonly everyMs: number
  readonly into: Wait[]
  readonly isOver: () => boolean
  readonly once: (n: number) => Promise<unknown>
}): Promise<void> => {
  const { who, everyMs, into, isOver, once } = options
  await delay(Math.random() * everyMs)
  for (let n = 0; !isOver(); n++) {
    const fromMs = performance.now()
    while (!isOver() && !(await once(n).then(isDone, isNotDone))) await delay(20)
    const toMs = performance.now()
    into.push({ who, fromMs, toMs })
    await delay(Math.max(0, fromMs + everyMs - toMs))
  }
}

const isDone = () => true
const isNotDone = () => false

/** The longest wait of somebody that was under way between two moments, counted from the first on. */
export const spellOf = (
  waits: readonly Wait[],
  who: string,
  fromMs: number,
  untilMs = Number.POSITIVE_INFINITY,
): number =>
  Math.max(
    ...waits
      .filter(wait => wait.who === who && wait.toMs > fromMs && wait.fromMs < untilMs)
      .map(wait => wait.toMs - Math.max(wait.fromMs, fromMs)),
  )

const inSeconds = (ms: number) => (ms / 1000).toFixed(2)

/** One line: what it is, and how long it took. */
export const sayWaits = (what: string, ms: readonly number[]): void => {
  if (ms.length === 0) return
  const [p50, p99] = [0.5, 0.99].map(share => inSeconds(percentile(ms, share)))
  console.log(
    `${what}: p50 ${p50} s, p99 ${p99} s, worst ${inSeconds(Math.max(...ms))} s (${ms.length})`,
  )
}
