/** Waiting between attempts: grows from `firstMs` to `mostMs`, with jitter, never past a deadline. */

/** Milliseconds that only grow, whatever happens to the clock. */
export const steadyMs = (): number => performance.now()

const sleep = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

/**
 * Calls `attempt` until it returns, throws something for which `retryable` is false, or the deadline
 * has passed; then the last error is thrown.
 * @param deadlineMs how long to go on, from now
 */
export const retrying = async <T>(
  attempt: (remainingMs: number) => Promise<T>,
  options: {
    readonly deadlineMs: number
    readonly retryable: (error: unknown) => boolean
    readonly firstMs?: number
    readonly mostMs?: number
    /** Waits so long between two attempts, or less when there is reason to hope. */
    readonly pause?: (ms: number) => Promise<void>
  },
): Promise<T> => {
  const end = steadyMs() + options.deadlineMs
  const { pause = sleep } = options
  let waitMs = options.firstMs ?? 20
  for (;;) {
    try {
      return await attempt(Math.max(1, end - steadyMs()))
    } catch (error) {
      const pauseMs = waitMs * (0.5 + Math.random())
      if (!options.retryable(error) || steadyMs() + pauseMs >= end) throw error
      await pause(pauseMs)
      waitMs = Math.min(waitMs * 2, options.mostMs ?? 500)
    }
  }
}
