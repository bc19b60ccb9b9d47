/** How an invariant says that it does not hold. */
import { isDeepStrictEqual } from 'node:util'

export const ensure = (holds: boolean, sentence: string): void => {
  if (!holds) throw new Error(sentence)
}

export const same = (a: unknown, b: unknown, sentence: string): void =>
  ensure(isDeepStrictEqual(a, b), `${sentence}\n${JSON.stringify(a)}\n${JSON.stringify(b)}`)
