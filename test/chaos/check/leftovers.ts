/** Nothing waits that nobody works on, and no dead letter. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Bus } from '../../../lib/bus/connect.ts'
import { CMD, DLQ, HOOK, JOB } from '../../../subjects/streams.ts'
import type { Finding } from './check.ts'

export const waitingIn = async (bus: Bus, stream: string): Promise<number> =>
  (await bus.jsm.streams.info(stream)).state.messages

/** What passes through is no leftover: a deadline may fire at any time. What stays this long is one. */
const PASSES_WITHIN_MS = 30_000
const LOOK_EVERY_MS = 200

const leftIn = async (bus: Bus, stream: string): Promise<number> => {
  const endMs = performance.now() + PASSES_WITHIN_MS
  for (;;) {
    const count = await waitingIn(bus, stream)
    if (count === 0 || performance.now() > endMs) return count
    await wait(LOOK_EVERY_MS)
  }
}

export const checkLeftovers = async (bus: Bus): Promise<Finding> => {
  const wrongs: string[] = []
  for (const stream of [HOOK, CMD, JOB]) {
    const count = await leftIn(bus, stream)
    if (count > 0) wrongs.push(`${count} messages are left in ${stream}`)
  }
  const letters = (await bus.jsm.streams.info(DLQ)).state
  for (let seq = letters.first_seq; letters.messages > 0 && seq <= letters.last_seq; seq++) {
    const letter = await bus.jsm.streams.getMessage(DLQ, { seq })
    wrongs.push(`a dead letter: ${letter?.string().slice(0, 500)}`)
  }
  return { name: 'leftovers: none', looked: 4, wrongs }
}
