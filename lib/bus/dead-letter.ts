/** What could not be decided or done is kept, with the reason, for a person to look at. */
import { type DeadLetterKind, deadLetterSubject } from '../../subjects/subjects.ts'
import type { Bus } from './connect.ts'
import { busFailure, isWorthRetrying } from './failure.ts'
import { retrying } from './retry.ts'

/**
 * Stores a dead letter; the same `subject` and `sequence` twice is stored once.
 * @throws codes STREAM_FULL, BUS_UNAVAILABLE: then the original must not be given up
 */
export const deadLetter = async (
  bus: Bus,
  kind: DeadLetterKind,
  letter: {
    readonly reason: string
    readonly subject: string
    readonly sequence: number | null
    readonly body: Uint8Array
    readonly atMs: number
  },
): Promise<void> => {
  const body = new TextDecoder().decode(letter.body)
  const msgID = `${kind}:${letter.subject}:${letter.sequence ?? letter.atMs}`
  try {
    await retrying(
      () =>
        bus.js.publish(
          deadLetterSubject(kind),
          JSON.stringify({ v: 1, ...letter, kind, body: body.slice(0, 900_000) }),
          { msgID },
        ),
      { deadlineMs: 10_000, retryable: isWorthRetrying },
    )
  } catch (error) {
    throw busFailure(error)
  }
}
