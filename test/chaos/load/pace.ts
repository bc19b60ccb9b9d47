/** The pace of the load: pauses between two prompts, until it is told to end. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../random.ts'

export type Pace = {
  /** Milliseconds between two prompts of one sender. */
  readonly leastMs: number
  readonly mostMs: number
  readonly ending: AbortSignal
  /** Nothing is waited for any more. */
  readonly over: AbortSignal
}

/** Waits as somebody does who thinks. @returns false once it is to end */
export const think = async ({ leastMs, mostMs, ending }: Pace, random: Random) => {
  await wait(random.between(leastMs, mostMs), undefined, { signal: ending }).catch(() => {})
  return !ending.aborted
}

/** Does something again and again until it works, or all is over. A failure that is final is thrown. */
export const insist = async <T>(
  attempt: (n: number) => Promise<T>,
  { isPassing, over }: { isPassing: (error: unknown) => boolean; over: AbortSignal },
): Promise<T> => {
  for (let n = 0; ; n++) {
    try {
      return await attempt(n)
    } catch (error) {
      if (over.aborted || !isPassing(error)) throw error
      await wait(200)
    }
  }
}
