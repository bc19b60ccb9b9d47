/**
 * Waits for what comes of a request for a pull request. The owner is asked, and asked again when a
 * record says that the request is settled; between two, now and then, because a live record may be lost.
 */
import { fail } from '../../../subjects/errors.ts'
import type { PullRequestOutcome } from '../../../subjects/records.ts'
import { ask } from '../../bus/ask.ts'
import type { Bus } from '../../bus/connect.ts'
import { followSettled } from '../../bus/settled.ts'

const ASK_EVERY_MS = 5_000

/** @throws `PULL_REQUEST_NOT_FOUND` for one long over, `NO_OWNER` while nobody answers, `BUS_UNAVAILABLE` at the end */
export const pullRequestOutcome = async (
  bus: Bus,
  sid: string,
  requestId: string,
  deadlineMs: number,
): Promise<PullRequestOutcome> => {
  const settled = followSettled(bus, sid, requestId)
  const end = performance.now() + deadlineMs
  try {
    for (;;) {
      const { outcome } = await ask(bus, { v: 1, type: 'pull_request', sid, requestId })
      if (outcome) return outcome
      const remainingMs = end - performance.now()
      if (remainingMs <= 0) throw fail('NO_OWNER', { sid })
      await settled.within(Math.min(ASK_EVERY_MS, remainingMs))
    }
  } finally {
    settled.close()
  }
}
