/** What prompts say. */
import { SLEEP } from '../ledger.ts'
import type { Random } from '../random.ts'

/** One of so many is never ended by its sandbox, and this one in any case. */
const SLEEPERS = 60
const FIRST_SLEEPER = 'asking-0-0'

export const contentOf = (id: string, random: Random): string => {
  const sleeps = random.between(1, SLEEPERS) === 1 || id === FIRST_SLEEPER
  return sleeps ? `${SLEEP} ${id}` : `do ${id}`
}
