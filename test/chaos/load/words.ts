/** What prompts say. */
import { SLEEP } from '../ledger.ts'
import type { Random } from '../random.ts'

/** One of so many is never ended by its sandbox. */
const SLEEPERS = 60

export const contentOf = (id: string, random: Random): string =>
  random.between(1, SLEEPERS) === 1 ? `${SLEEP} ${id}` : `do ${id}`
