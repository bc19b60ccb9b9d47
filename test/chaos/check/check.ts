/** What a check has found. */
export type Finding = {
  readonly name: string
  /** How many things were looked at: a check that looked at nothing proves nothing. */
  readonly looked: number
  readonly wrongs: readonly string[]
}

/** The items that occur more than once. */
export const repeated = <T>(items: readonly T[]): T[] => {
  const seen = new Set<T>()
  return items.filter(item => seen.size === seen.add(item).size)
}

/** Where two lists first differ, in words; undefined when they are the same. */
export const difference = (
  got: readonly string[],
  wanted: readonly string[],
): string | undefined => {
  const at = wanted.findIndex((item, n) => got[n] !== item)
  if (at >= 0) return `at ${at}: ${got[at]} instead of ${wanted[at]}`
  return got.length > wanted.length
    ? `at ${wanted.length}: ${got[wanted.length]} too much`
    : undefined
}
