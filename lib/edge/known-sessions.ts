/**
 * Whether there is such a session, which the log knows without its owner. Many clients of one session may
 * come in the same moment, when another edge has died: one read is enough for all of them.
 */
import { isTombstone } from '../../subjects/records.ts'
import type { SessionId } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { newestRecord } from '../bus/newest.ts'

/** @throws code BUS_UNAVAILABLE */
export type IsKnown = (sid: SessionId) => Promise<boolean>

/** A deleted session leaves one last record behind. */
const read = async (bus: Bus, sid: SessionId): Promise<boolean> => {
  const newest = await newestRecord(bus, sid)
  return newest !== undefined && !isTombstone(newest.record)
}

/** Lets many who ask in one moment share a read. */
export const shareReads = (read: IsKnown): IsKnown => {
  const underway = new Map<SessionId, Promise<boolean>>()
  const begin = (sid: SessionId): Promise<boolean> => {
    const reading = read(sid).finally(() => underway.delete(sid))
    underway.set(sid, reading)
    return reading
  }
  return async sid => {
    const before = underway.get(sid)
    // One that finds nothing says nothing to who came after it began: the session may be new.
    if (before && (await before)) return true
    return underway.get(sid) ?? begin(sid)
  }
}

export const knownSessions = (bus: Bus): IsKnown => shareReads(sid => read(bus, sid))
