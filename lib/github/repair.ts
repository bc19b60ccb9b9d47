/**
 * Repairs missed webhooks. GitHub sends a delivery once; when nobody answered, it stays failed in the
 * App's list. At the start and every few minutes that list is read back to where the last reading
 * began, and what no attempt brought through is asked for again, at longer and longer intervals, as long as GitHub
 * repeats it.
 *
 * One process at a time does it: the reading's state and its lease are one key of the bucket `github`,
 * written by compare-and-swap. Who dies with the lease leaves the work to the next, which reads the same
 * part of the list again; asking twice for one delivery does not matter, its id is the same.
 */
import type { KV } from '@nats-io/kv'
import { z } from 'zod'
import { isWrongSequence } from '../bus/failure.ts'
import type { Log } from '../telemetry/log.ts'
import type { App } from './app.ts'
import { isPassing, wordsOf } from './request.ts'

const KEY = 'repair'
const LEASE_MS = 30_000
const PAGE = 100
const MOST_PAGES = 20
/** Asked for in one round; the rest is found by the next. */
const MOST_AT_ONCE = 200
/** After each attempt the next one waits twice as long: with rounds of five minutes that makes three days. */
const MOST_ATTEMPTS = 18
const MOST_PAUSE_MS = 6 * 60 * 60_000
/** GitHub repeats what is at most three days old. */
const REPEATABLE_MS = 3 * 24 * 60 * 60_000
const REMEMBERED = 2_000
/** A delivery under way comes into the list when it is over, behind others that began later. */
const OVERLAP_MS = 10 * 60_000

const state = z.object({
  v: z.literal(1),
  lease: z.object({ by: z.string(), untilMs: z.number() }).nullable(),
  /** When the newest round began. */
  roundAtMs: z.number(),
  /** Everything before was through, or was asked for. */
  readFromMs: z.number(),
  /** Of each delivery that was asked for: how often, and when last; absent in older states. */
  asked: z.record(z.string(), z.object({ times: z.int(), atMs: z.number().optional() })),
})
type State = z.infer<typeof state>

export type Attempt = {
  /** A whole number that may be larger than JavaScript's own. */
  readonly id: string
  readonly guid: string
  readonly deliveredAtMs: number
  readonly statusCode: number
}

/** The newest attempt of each delivery that none of its attempts brought through. */
export const failedOf = (attempts: readonly Attempt[]): Attempt[] => {
  const through = new Set<string>()
  const newest = new Map<string, Attempt>()
  for (const one of attempts) {
    if (one.statusCode >= 200 && one.statusCode < 300) through.add(one.guid)
    const known = newest.get(one.guid)
    if (!known || BigInt(one.id) > BigInt(known.id)) newest.set(one.guid, one)
  }
  return [...newest.values()].filter(({ guid }) => !through.has(guid))
}

export type Repair = {
  /** One round, unless another process is at it or has just been. Returns how many were asked for. */
  round(everyMs: number): Promise<number>
}

export const openRepair = (options: {
  readonly app: Pick<App, 'asApp'>
  readonly bucket: KV
  readonly log: Log
  readonly name: string
  readonly nowMs?: () => number
}): Repair => {
  const { app, bucket, log, name, nowMs = Date.now } = options

  const swap = async (value: State, revision: number): Promise<number | undefined> => {
    try {
      const text = JSON.stringify(value)
      return await (revision === 0 ? bucket.create(KEY, text) : bucket.update(KEY, text, revision))
    } catch (error) {
      if (isWrongSequence(error)) return undefined
      throw error
    }
  }

  /** The state and its revision once the lease is ours; undefined when it is not our turn. */
  const take = async (everyMs: number) => {
    const entry = await bucket.get(KEY)
    const parsed = state.safeParse(entry?.operation === 'PUT' ? entry.json() : undefined)
    const known = parsed.success ? parsed.data : undefined
    if (known?.lease && known.lease.untilMs > nowMs()) return undefined
    // A round that was cut short has left its lease behind, and is due whatever the time.
    if (known && !known.lease && known.roundAtMs + everyMs > nowMs()) return undefined
    const taken: State = {
      v: 1,
      lease: { by: name, untilMs: nowMs() + LEASE_MS },
      roundAtMs: nowMs(),
      readFromMs: Math.max(known?.readFromMs ?? 0, nowMs() - REPEATABLE_MS),
      asked: known?.asked ?? {},
    }
    const revision = await swap(taken, entry?.revision ?? 0)
    return revision === undefined ? undefined : { known, taken, revision }
  }

  /** The list from its newest end back to `fromMs`; `complete` unless it is longer than we read. */
  const read = async (fromMs: number): Promise<{ attempts: Attempt[]; complete: boolean }> => {
    const request = await app.asApp()
    const attempts: Attempt[] = []
    let cursor: string | undefined
    for (let page = 0; page < MOST_PAGES; page++) {
      const { data, headers } = await request('GET /app/hook/deliveries', {
        per_page: PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const one of data) {
        const deliveredAtMs = Date.parse(one.delivered_at)
        const { guid, status_code: statusCode } = one
        const id = String(one.id)
        if (deliveredAtMs >= fromMs) attempts.push({ id, guid, deliveredAtMs, statusCode })
      }
      const oldest = data.at(-1)
      cursor = /[?&]cursor=([^&>]+)[^>]*>;\s*rel="next"/.exec(headers.link ?? '')?.[1]
      if (!oldest || cursor === undefined) return { attempts, complete: true }
      if (Date.parse(oldest.delivered_at) < fromMs) return { attempts, complete: true }
      cursor = decodeURIComponent(cursor)
    }
    return { attempts, complete: false }
  }

  const ask = async (id: string): Promise<void> => {
    const request = await app.asApp()
    const delivery_id = BigInt(id) as unknown as number
    await request('POST /app/hook/deliveries/{delivery_id}/attempts', { delivery_id })
  }

  const work = async (taken: State, everyMs: number): Promise<{ next: State; count: number }> => {
    const { attempts, complete } = await read(taken.readFromMs)
    if (!complete)
      log.warn('more webhook deliveries than are read at once: the oldest are left out')
    const asked = { ...taken.asked }
    let count = 0
    /** Where the next round has to begin: before what still has to come through. */
    const newestMs = Math.max(0, ...attempts.map(one => one.deliveredAtMs))
    let readFromMs = Math.max(taken.readFromMs, newestMs - OVERLAP_MS)
    for (const failed of failedOf(attempts)) {
      const { times = 0, atMs = 0 } = asked[failed.guid] ?? {}
      if (times >= MOST_ATTEMPTS) continue
      const pauseMs = times && Math.min(everyMs * 2 ** (times - 1), MOST_PAUSE_MS)
      if (count >= MOST_AT_ONCE || atMs + pauseMs > nowMs()) {
        readFromMs = Math.min(readFromMs, failed.deliveredAtMs)
        continue
      }
      try {
        await ask(failed.id)
      } catch (error) {
        if (isPassing(error)) throw error
        log.warn({ guid: failed.guid, words: wordsOf(error) }, 'a webhook is not sent again')
      }
      asked[failed.guid] = { times: times + 1, atMs: nowMs() }
      count++
    }
    const remembered = Object.fromEntries(Object.entries(asked).slice(-REMEMBERED))
    return { next: { ...taken, lease: null, readFromMs, asked: remembered }, count }
  }

  return {
    round: async everyMs => {
      const turn = await take(everyMs)
      if (!turn) return 0
      const { known, taken, revision } = turn
      try {
        const { next, count } = await work(taken, everyMs)
        await swap(next, revision)
        if (count > 0) log.info({ count }, 'missed webhooks were asked for again')
        return count
      } catch (error) {
        // Let go as if nothing had been, so that whoever comes next reads the same again.
        const before = { ...taken, lease: null, roundAtMs: known?.roundAtMs ?? 0 }
        await swap(before, revision).catch(() => {})
        throw error
      }
    },
  }
}
