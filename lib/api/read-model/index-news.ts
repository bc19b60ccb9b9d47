/**
 * What IDX has said and the file does not have yet: of each session the newest record, as it came. It is
 * parsed when it is taken, so of ten records of a session nine cost next to nothing.
 */
import type { JsMsg } from '@nats-io/jetstream'
import { z } from 'zod'
import { isTombstone, record } from '../../../subjects/records.ts'
import { sessionOfIndex } from '../../../subjects/subjects.ts'
import { parseJson } from '../../bus/json.ts'
import type { IndexChange } from '../../store/index-store.ts'
import type { Log } from '../../telemetry/log.ts'

export type IndexNews = {
  hear(message: JsMsg): void
  has(sid: string): boolean
  /** True when it is time to write: many sessions have changed, or their records are large. */
  isMuch(): boolean
  /** All of it, and the sequence in IDX that it reaches; undefined for nothing. Empty afterwards. */
  take(): { readonly sequence: number; readonly changes: readonly IndexChange[] } | undefined
}

const MOST_SESSIONS = 500
const MOST_BYTES = 4 * 1024 ** 2

/** What a record says to a list. */
const said = record
  .pick({ summary: true })
  .extend({ events: z.array(z.object({ type: z.string() })) })

export const makeIndexNews = (log: Log): IndexNews => {
  const newest = new Map<string, Uint8Array>()
  let bytes = 0
  let sequence = 0

  const changeOf = ([sid, stored]: readonly [string, Uint8Array]): IndexChange[] => {
    const parsed = parseJson(said, stored)
    if (!parsed.ok) {
      log.warn({ sid, reason: parsed.reason }, 'not indexed')
      return []
    }
    if (isTombstone(parsed.value)) return [{ removed: sid }]
    // A record without one is about a session that never was: nothing in the list is older.
    return parsed.value.summary ? [{ summary: parsed.value.summary }] : []
  }

  return {
    hear: message => {
      const sid = sessionOfIndex(message.subject)
      bytes += message.data.length - (newest.get(sid)?.length ?? 0)
      // Copied: what comes from the network is a view of something larger.
      newest.set(sid, message.data.slice())
      sequence = message.seq
    },
    has: sid => newest.has(sid),
    isMuch: () => newest.size >= MOST_SESSIONS || bytes >= MOST_BYTES,
    take: () => {
      if (newest.size === 0) return undefined
      const changes = [...newest].flatMap(changeOf)
      newest.clear()
      bytes = 0
      return { sequence, changes }
    },
  }
}
