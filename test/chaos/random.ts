/** Chance from a seed: the same seed and name give the same numbers, on every machine. */
import { fnv1a32 } from '../../subjects/partition.ts'

export type Random = {
  /** 0 … 1, without 1. */
  readonly next: () => number
  /** A whole number, both ends included. */
  readonly between: (least: number, most: number) => number
  readonly pick: <T>(list: readonly T[]) => T
}

/** Each `name` has numbers of its own, so that one more draw here changes nothing there. */
export const randomOf = (seed: number, name: string): Random => {
  let state = fnv1a32(`${seed}:${name}`)
  /** Mulberry32: 32 bits of state, good enough to choose by. */
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: list => {
      if (list.length === 0) throw new Error('nothing to choose from')
      return list[Math.floor(next() * list.length)] as never
    },
  }
}
