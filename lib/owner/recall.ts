/** How a session comes into memory: as the former owner handed it over, else as the log has it. */

import { loadSession, type Memory } from './journal.ts'
import { COLD, type Warm } from './ownership/hand-over.ts'
import type { OwnerRoom } from './room.ts'
import type { ActiveSession } from './sessions.ts'

/**
 * What is known of a session, remembered in its seat.
 * @throws what {@link loadSession} throws
 */
export type Recall = (session: ActiveSession) => Promise<Memory>

export const openRecall =
  (
    { bus, projection, readsAreCurrent }: Pick<OwnerRoom, 'bus' | 'projection' | 'readsAreCurrent'>,
    warm: Warm = COLD,
  ): Recall =>
  async session => {
    const { sid } = session
    if (session.memory) return session.memory
    const handed = warm.take(sid)
    if (handed) projection.know(sid, handed.memory)
    session.armed = handed?.armed ?? false
    session.memory = handed?.memory ?? {
      ...(await loadSession(bus, sid, projection)),
      proven: readsAreCurrent,
    }
    return session.memory
  }
