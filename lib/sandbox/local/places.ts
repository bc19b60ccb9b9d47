/**
 * The places for sandboxes on this host. Who finds none comes again. A place that a prompt waits for is
 * kept from sandboxes that are only got ready; and when sandboxes are at rest, the one that has rested
 * longest is asked to end. Its session decides: it alone knows whether a prompt is on its way there.
 */
import { LRUCache } from 'lru-cache'
import { fail } from '../../../subjects/errors.ts'

/** How long a place is kept for a prompt that found none: its session asks again within that time. */
const KEPT_MS = 40_000
/** How long a sandbox may take to end that was asked to; then it seems to be needed, and one more is asked. */
const ENDS_WITHIN_MS = 5_000

/** Pauses of one who finds no place: longer the more there are, so that all of them together ask so often. */
const ASKS_A_SECOND = 50
const LEAST_PAUSE_MS = 1_000
const MOST_PAUSE_MS = 8_000

export type Resting = {
  readonly sid: string
  readonly generation: number
  /** Since when, in milliseconds since the epoch; the smallest gives way first. */
  readonly sinceMs: number
}

export type PlacesOptions = {
  /** How many sandboxes may run at a time. */
  readonly limit: number
  /** Sessions whose sandboxes run. */
  readonly taken: () => Iterable<string>
  readonly resting: () => Promise<readonly Resting[]>
  /** Asks the session for the place; without an answer. */
  readonly evict: (sandbox: Resting) => Promise<void>
}

export type Places = {
  /**
   * Holds a place of a session's own while `work` starts its sandbox.
   * @throws code SANDBOX_HOST_FULL, with the fact `pauseMs`: when to come again
   */
  hold<T>(sid: string, promptWaits: boolean, work: () => Promise<T>): Promise<T>
}

const kept = (ttl: number) => new LRUCache<string, true>({ max: 10_000, ttl })

const countOf = (sids: LRUCache<string, true>): number => {
  sids.purgeStale()
  return sids.size
}

export const openPlaces = (options: PlacesOptions): Places => {
  const { limit } = options
  /** Sessions whose sandboxes are being started. */
  const starting = new Set<string>()
  /** Sessions whose prompts found no place. */
  const waiting = kept(KEPT_MS)
  /** Sessions that were asked for theirs. */
  const asked = kept(ENDS_WITHIN_MS)

  /** Asks for one more place, unless so many are asked for as are missing. */
  const askForOne = async () => {
    const resting = await options.resting()
    const found = resting.filter(({ sid }) => !asked.has(sid) && !starting.has(sid))
    const [longest] = found.sort((a, b) => a.sinceMs - b.sinceMs)
    if (!longest || countOf(asked) >= countOf(waiting)) return
    asked.set(longest.sid, true)
    await options.evict(longest).catch(error => {
      asked.delete(longest.sid)
      throw error
    })
  }

  const hold: Places['hold'] = async (sid, promptWaits, work) => {
    const running = new Set(options.taken())
    for (const one of [...asked.keys()]) if (!running.has(one)) asked.delete(one)
    const taken = new Set([...running, ...starting])
    taken.delete(sid)
    const others = taken.size + (promptWaits ? 0 : countOf(waiting))
    if (others < limit) {
      waiting.delete(sid)
      starting.add(sid)
      return work().finally(() => starting.delete(sid))
    }
    if (promptWaits) {
      waiting.set(sid, true)
      await askForOne()
    }
    const message = `All places for sandboxes on this host are taken (SANDBOX_LIMIT=${limit}).`
    const pauseMs = (countOf(waiting) / ASKS_A_SECOND) * 1_000
    throw fail('SANDBOX_HOST_FULL', {
      message,
      pauseMs: Math.min(Math.max(pauseMs, LEAST_PAUSE_MS), MOST_PAUSE_MS),
    })
  }

  return { hold }
}
