/**
 * Deadlines that have passed unheard. A schedule fires within a quarter of a second, but what it fires is brought
 * into the inbox by a consumer of nats-server's own, and a leader that is lost holds that up for half a minute. So
 * whoever has a session in memory looks now and then whether one of its deadlines is over, and puts the very
 * same command into the inbox. Twice is as once: the state does not have it any more when the second comes.
 */
import { publishCommand } from '../bus/command.ts'
import { deadlines } from '../session/deadlines.ts'
import type { OwnerRoom } from './room.ts'
import type { ActiveSession, Sessions } from './sessions.ts'

const LOOK_EVERY_MS = 1_000
const OVERDUE_MS = 2_000

export const watchOverdue = (
  { bus, log, policy, nowMs }: Pick<OwnerRoom, 'bus' | 'log' | 'policy' | 'nowMs'>,
  sessions: Sessions,
): { close(): void } => {
  /** Each is said once: there may be some that change nothing when they pass. */
  const said = new WeakMap<ActiveSession, Set<string>>()

  const look = () => {
    const before = nowMs() - OVERDUE_MS
    for (const session of sessions.all()) {
      const { sid, memory } = session
      const over = memory ? deadlines(memory.state, policy).filter(one => one.atMs < before) : []
      const known = said.get(session) ?? new Set()
      // Those that the state does not have any more are forgotten.
      const now = new Set(over.map(({ name, atMs }) => `${name}.${atMs}`))
      said.set(session, now)
      for (const { name, atMs } of over) {
        if (known.has(`${name}.${atMs}`)) continue
        log.debug({ sid, name, atMs }, 'deadline overdue')
        const id = `overdue.${sid}.${name}.${atMs}`
        void publishCommand(bus, sid, { v: 1, type: 'deadline', name, atMs }, { id }).catch(() =>
          now.delete(`${name}.${atMs}`),
        )
      }
    }
  }
  const timer = setInterval(look, LOOK_EVERY_MS)
  return { close: () => clearInterval(timer) }
}
