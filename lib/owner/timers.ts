/**
 * Deadlines, kept by nats-server as message schedules: one per session and name, where a newer one
 * replaces the older. When its time comes it is a command like any other. It is never trusted by
 * itself: a deadline that the state no longer holds decides nothing. So a schedule is never
 * cancelled, and arming one again is always allowed.
 */
import type { Timer } from '../../subjects/records.ts'
import { TMR } from '../../subjects/streams.ts'
import { fireSubject, type SessionId, timerSubject } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { ledBy } from '../bus/elections.ts'

/** How long what has fired may wait for room in the command stream. */
const FIRED_TTL = '24h'

/** @throws what the publish throws; then it may be armed or not, and is to be armed again */
export const armTimer = async (bus: Bus, sid: SessionId, timer: Timer): Promise<void> => {
  const command = { v: 1, type: 'deadline', name: timer.name, atMs: timer.atMs }
  const asked = bus.js.publish(timerSubject(sid, timer.name), JSON.stringify(command), {
    schedule: {
      specification: new Date(timer.atMs),
      target: fireSubject(sid),
      ttl: FIRED_TTL,
    },
  })
  await ledBy(bus, { stream: TMR }, asked)
}
