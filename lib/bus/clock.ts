/**
 * What time it is: the nats-servers' time, under which commands are stored and by which deadlines fire, in
 * every process, whatever the clock of its machine says. Machines differ, and clocks are set; what is signed
 * here and checked there, heard here and judged there, is measured with one clock for all of that.
 *
 * A process asks for it when it starts and every few seconds, and counts on by its steady clock in between.
 * As long as its own wall clock agrees, it reads that one.
 */
import { fail } from '../../subjects/errors.ts'
import { CMD } from '../../subjects/streams.ts'
import type { Bus } from './connect.ts'
import { retrying } from './retry.ts'

const LOOK_EVERY_MS = 5_000
/** What took longer says too little: when it was answered is known no better than that. */
const TRUSTED_WITHIN_MS = 500
const PATIENCE_MS = 30_000
/** A wall clock that is so near is right, and says it more exactly than can be asked. */
const AGREES_WITHIN_MS = 100

/** Milliseconds since the epoch, whole. */
export type NowMs = () => number

/**
 * Resolves once the time is known; follows it until the bus is closed.
 * @throws what NATS answers, or its silence after 30 s
 */
export const followTime = async (bus: Bus, lookEveryMs = LOOK_EVERY_MS): Promise<NowMs> => {
  /** The time at which the steady clock stood at zero. */
  let zeroMs = 0

  const look = async (withinMs: number) => {
    const askedMs = performance.now()
    // Any answer that is stamped would do; this one comes from who stamps the commands.
    const { ts } = await bus.jsm.streams.info(CMD)
    if (ts === undefined) throw fail('INTERNAL', { message: 'this nats-server tells no time' })
    const tookMs = performance.now() - askedMs
    if (tookMs <= withinMs) zeroMs = Date.parse(ts) - askedMs - tookMs / 2
  }
  const lookAgain = () => void look(TRUSTED_WITHIN_MS).catch(() => {})

  await retrying(() => look(Number.POSITIVE_INFINITY), {
    deadlineMs: PATIENCE_MS,
    retryable: () => true,
  })
  const timer = setInterval(lookAgain, lookEveryMs)
  void bus.nc.closed().then(() => clearInterval(timer))
  return () => {
    const countedMs = zeroMs + performance.now()
    const wallMs = Date.now()
    return Math.abs(wallMs - countedMs) <= AGREES_WITHIN_MS ? wallMs : Math.round(countedMs)
  }
}
