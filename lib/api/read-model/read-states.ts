/**
 * When each person has last looked at each session. Kept in a bucket that every api shares, so that it
 * outlives them; a session takes its marks with it when it is deleted.
 */
import type { SessionSummary } from '../../../subjects/records.ts'
import { KV_READS } from '../../../subjects/streams.ts'
import { readSubject, sessionId, sessionOfRead } from '../../../subjects/subjects.ts'
import { sha256Hex } from '../../auth/hash.ts'
import type { Bus } from '../../bus/connect.ts'
import { busFailure, isWorthRetrying } from '../../bus/failure.ts'
import { lastOfEach } from '../../bus/newest.ts'
import { retrying } from '../../bus/retry.ts'

export type ReadStates = {
  /** @throws code BUS_UNAVAILABLE */
  mark(userId: string, sid: string, readAtMs: number): Promise<void>
  /** Which of these sessions hold an end of work that the person has not seen. */
  unread(userId: string, sessions: readonly SessionSummary[]): Promise<ReadonlySet<string>>
}

const STORE_WITHIN_MS = 3_000

/** User ids are foreign text; their hash is fit for a subject. */
const keyOf = (userId: string): string => sha256Hex(userId).slice(0, 32)

export const openReadStates = (bus: Bus): ReadStates => ({
  mark: async (userId, sid, readAtMs) => {
    const subject = readSubject(keyOf(userId), sessionId(sid))
    await retrying(() => bus.js.publish(subject, String(readAtMs)), {
      deadlineMs: STORE_WITHIN_MS,
      retryable: isWorthRetrying,
    }).catch((error: unknown) => {
      throw busFailure(error)
    })
  },
  unread: async (userId, sessions) => {
    const person = keyOf(userId)
    const ended = sessions.filter(one => typeof one.finishedAtMs === 'number')
    const subjects = ended.map(one => readSubject(person, sessionId(one.id)))
    const marks = new Map<string, number>()
    for (const { subject, data } of await lastOfEach(bus, KV_READS, subjects)) {
      marks.set(sessionOfRead(subject), Number(new TextDecoder().decode(data)))
    }
    const isUnread = ({ id, finishedAtMs, userId: owner }: SessionSummary): boolean => {
      // Nobody waits for a session of somebody else's that they never opened.
      const seenMs = marks.get(id) ?? (owner === userId ? 0 : Number.POSITIVE_INFINITY)
      return (finishedAtMs ?? 0) > seenMs
    }
    return new Set(ended.filter(isUnread).map(one => one.id))
  },
})
