/** What a test gives to the fixtures, for a bench: they end with the scope, newest first. */
export type Scope = {
  teardown(end: () => void | Promise<void>): void
  comment(...text: unknown[]): void
  passing(): boolean
  /** Ends everything. With `failed`, the fixtures tell what they heard. */
  end(failed: boolean): Promise<void>
}

export const openScope = (): Scope => {
  const ends: (() => void | Promise<void>)[] = []
  let passing = true
  return {
    teardown: end => void ends.push(end),
    comment: (...text) => console.error(...text),
    passing: () => passing,
    end: async failed => {
      passing = !failed
      for (const end of ends.splice(0).reverse()) await end()
    },
  }
}
