/**
 * The sessions of one partition that are in memory, each with the one queue in which everything that
 * concerns it happens: decisions strictly one after the other, questions between them. A session
 * that nobody has touched for a while is forgotten and its file closed; it comes back from there.
 */
import type { SessionId } from '../../subjects/subjects.ts'
import type { Delivery, Parked } from './delivery.ts'
import type { Memory } from './journal.ts'

export type ActiveSession = {
  readonly sid: SessionId
  /** What is known of the session; undefined: to be read from the log first. */
  memory: Memory | undefined
  /** Its deadlines have been armed since it was read. */
  armed: boolean
  /** What waits to be decided, in order. */
  readonly commands: (Delivery | Parked)[]
  /** Somebody works through the commands. */
  working: boolean
  /** Runs `work` when everything before it is done. */
  turn<T>(work: () => Promise<T>): Promise<T>
}

export type Sessions = {
  /** The session, in memory or not yet. */
  at(sid: SessionId): ActiveSession
  count(): number
  /** Resolves when no turn runs or waits any more. */
  still(): Promise<void>
  close(): void
}

type Seat = ActiveSession & { turns: number; touchedMs: number; last: Promise<unknown> }

/**
 * @param options.idleMs how long a session stays in memory untouched
 * @param options.onIdle called with each one that leaves
 */
export const openSessions = (options: {
  readonly idleMs: number
  readonly onIdle: (sid: SessionId) => void
}): Sessions => {
  const { idleMs, onIdle } = options
  const seats = new Map<SessionId, Seat>()

  const seatFor = (sid: SessionId): Seat => {
    const seat: Seat = {
      sid,
      memory: undefined,
      armed: false,
      commands: [],
      working: false,
      turns: 0,
      touchedMs: performance.now(),
      last: Promise.resolve(),
      turn: work => {
        seat.turns++
        const result = seat.last.then(work).finally(() => {
          seat.turns--
          seat.touchedMs = performance.now()
        })
        seat.last = result.catch(() => {})
        return result
      },
    }
    seats.set(sid, seat)
    return seat
  }
  const sweep = () => {
    const before = performance.now() - idleMs
    for (const [sid, seat] of seats) {
      // One that somebody waits for is never taken away under them.
      if (seat.turns > 0 || seat.working || seat.touchedMs > before) continue
      seats.delete(sid)
      onIdle(sid)
    }
  }
  const timer = setInterval(sweep, Math.max(10, Math.min(idleMs / 2, 10_000)))

  return {
    at: sid => seats.get(sid) ?? seatFor(sid),
    count: () => seats.size,
    still: async () => {
      await Promise.all([...seats.values()].map(seat => seat.last))
    },
    close: () => clearInterval(timer),
  }
}
