/**
 * Follows the records of one session: from a position on, then live, each exactly once and in order.
 * Live records come over core NATS, where a message may be lost without a sign; each names the one
 * before it, so a loss is seen with the next, and `catchUp` finds it without one. What is missing is
 * read from the log. Nothing is delivered before `start`, nothing after `close`.
 */
import type { Msg } from '@nats-io/nats-core'
import { fail } from '../../subjects/errors.ts'
import { NATS_LAST_SEQUENCE, NATS_SEQUENCE } from '../../subjects/headers.ts'
import type { SessionRecord } from '../../subjects/records.ts'
import { liveSubject, sessionId } from '../../subjects/subjects.ts'
import type { Bus } from './connect.ts'
import { newestRecord, readRecord, recordsSince } from './newest.ts'

export type RecordFollower = {
  /** Lets records with a sequence above `after` come out, those that waited first. Once. */
  start(after: number): void
  /** Sequence of the last record that came out. */
  position(): number
  /** Compares with the log now and delivers what is missing. Resolves when level with it. */
  catchUp(): Promise<void>
  close(): void
}

type Live = { readonly bytes: Uint8Array; readonly sequence: number; readonly previous: number }

const readLive = (message: Msg): Live => ({
  bytes: message.data,
  sequence: Number(message.headers?.get(NATS_SEQUENCE) ?? Number.NaN),
  previous: Number(message.headers?.get(NATS_LAST_SEQUENCE) ?? Number.NaN),
})

/**
 * Begins to listen at once, so that nothing between a question and `start` is missed.
 * @param options.onRecord is called synchronously in order; it must not throw
 * @param options.onBroken when the log cannot be read: the follower is closed and of no more use
 */
export const followRecords = (
  bus: Bus,
  sid: string,
  options: {
    readonly onRecord: (record: SessionRecord, sequence: number) => void
    readonly onBroken: (error: unknown) => void
  },
): RecordFollower => {
  let position: number | undefined
  let closed = false
  let repair: Promise<void> | undefined
  let waiting: Live[] = []

  const close = () => {
    closed = true
    waiting = []
    subscription.unsubscribe()
  }
  const broken = (error: unknown) => {
    if (closed) return
    close()
    options.onBroken(error)
  }
  const deliver = (record: SessionRecord, sequence: number) => {
    position = sequence
    options.onRecord(record, sequence)
  }

  /** Reads the log until `target` has come out; a lagging replica is asked again via the leader. */
  const readUpTo = async (target: number) => {
    for await (const { record, sequence } of recordsSince(bus, sid, position ?? 0)) {
      if (closed) return
      if (sequence > (position ?? 0)) deliver(record, sequence)
    }
    if (closed || (position ?? 0) >= target) return
    const newest = await newestRecord(bus, sid)
    if (!closed && newest && newest.sequence > (position ?? 0)) {
      throw fail('SYNC_FAILED', { sid, position, target, newest: newest.sequence })
    }
  }
  const repairUpTo = (target: number): Promise<void> => {
    repair ??= readUpTo(target)
      .catch(() => (closed ? undefined : readUpTo(target)))
      .catch(broken)
      .finally(() => {
        repair = undefined
        drain()
      })
    return repair
  }

  /** Lets out what waits, until something is missing before it. */
  const drain = () => {
    while (!closed && !repair && position !== undefined) {
      const next = waiting[0]
      if (!next) return
      if (next.sequence <= position) {
        waiting.shift()
      } else if (next.previous <= position) {
        waiting.shift()
        try {
          deliver(readRecord(next.bytes, next.sequence), next.sequence)
        } catch (error) {
          broken(error)
        }
      } else {
        void repairUpTo(next.previous)
      }
    }
  }

  const subscription = bus.nc.subscribe(liveSubject(sessionId(sid)), {
    callback: (error, message) => {
      if (error || closed) return
      const live = readLive(message)
      if (!Number.isFinite(live.sequence) || !Number.isFinite(live.previous)) return
      waiting.push(live)
      drain()
    },
  })

  return {
    start: after => {
      if (position !== undefined) throw fail('INTERNAL', { message: 'a follower starts once' })
      position = after
      drain()
    },
    position: () => position ?? 0,
    catchUp: async () => {
      if (closed || position === undefined) return
      if (repair) await repair
      const newest = await newestRecord(bus, sid)
      if (!closed && newest && newest.sequence > position) await repairUpTo(newest.sequence)
    },
    close,
  }
}
