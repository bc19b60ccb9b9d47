/**
 * The sessions of one partition that are in memory, each with the one queue in which everything that
 * concerns it happens: decisions strictly one after the other, questions between them. A session
 * that nobody has touched for a while, or that many others were touched after, is forgotten; it comes
 * back from where it was put away (projection.ts).
 */
import type { SessionId } from '../../subjects/subjects.ts'
import type { Delivery, Parked } from './delivery.ts'
import type { Memory } from './journal.ts'
import type { WarmSession } from './ownership/hand-over.ts'

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
  all(): Iterable<ActiveSession>
  /** What is known of those that nobody is at, the one that was touched last first. */
  warm(): WarmSession[]
  /** Resolves when no turn runs or waits any more. */
  still(): Promise<void>
  close(): void
}

type Seat = ActiveSession & { turns: number; touchedMs: number; last: Promise<unknown> }

/** Of one partition. */
const MOST_AWAKE = 128
const LOOKED_AT = 3
const MOST_SWEEP_MS = 10_000

/** @param options.idleMs how long a session stays in memory untouched */
export const openSessions = (options: {
  readonly idleMs: number
  readonly mostAwake?: number
}): Sessions => {
  const { idleMs, mostAwake = MOST_AWAKE } = options
  /** The one that was touched longest ago first. */
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
        // Not the result itself, which may be a page of lines.
        seat.last = result.then(
          () => {},
          () => {},
        )
        return result
      },
    }
    return seat
  }
  /** One that somebody waits for is never taken away under them. */
  const isBusy = (seat: Seat) => seat.turns > 0 || seat.working
  const sweep = () => {
    const before = performance.now() - idleMs
    for (const [sid, seat] of seats) {
      const isWanted = seat.touchedMs > before && seats.size <= mostAwake
      if (!isBusy(seat) && !isWanted) seats.delete(sid)
    }
  }
  /** Looks at few each time: there may be very many, all of them busy. */
  const makeRoom = () => {
    for (let looked = 0; looked < LOOKED_AT && seats.size >= mostAwake; looked++) {
      const [first] = seats.values()
      if (!first) return
      seats.delete(first.sid)
      if (isBusy(first)) seats.set(first.sid, first)
    }
  }
  const timer = setInterval(sweep, Math.max(10, Math.min(idleMs / 2, MOST_SWEEP_MS)))

  return {
    at: sid => {
      const known = seats.get(sid)
      if (known) seats.delete(sid)
      else makeRoom()
      const seat = known ?? seatFor(sid)
      seats.set(sid, seat)
      return seat
    },
    count: () => seats.size,
    all: () => seats.values(),
    warm: () =>
      [...seats.values()].reverse().flatMap(seat => {
        const { sid, memory, armed } = seat
        return memory && !isBusy(seat) ? [{ sid, memory, armed }] : []
      }),
    still: async () => {
      await Promise.all([...seats.values()].map(seat => seat.last))
    },
    close: () => clearInterval(timer),
  }
}
