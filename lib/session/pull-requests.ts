/** Pull requests in a session's state: the one that is asked for, what came of earlier ones, and how they stand. */
import type { PullRequestOutcome, SessionEventOf } from '../../subjects/records.ts'
import { REMEMBERED_REQUESTS } from './limits.ts'

/** A push that a sandbox of this generation has been asked for and has not reported on. */
export type Push = Readonly<Omit<SessionEventOf<'push_requested'>, 'type'>>

/** A request that is not settled. First its push, if there is a sandbox; then the git host. */
export type OpenRequest = Readonly<Omit<SessionEventOf<'pull_request_requested'>, 'type'>> &
  Readonly<{
    push: Push | null
    /** Since when the github process is at it; null before. */
    openingAtMs: number | null
  }>

export type TrackedPullRequest = Readonly<Omit<SessionEventOf<'pull_request_tracked'>, 'type'>>

export type PullRequests = Readonly<{
  /** One at a time. */
  open: OpenRequest | null
  /** What came of the newest requests, oldest first: who asks again is told. */
  outcomes: readonly Readonly<{ requestId: string; outcome: PullRequestOutcome }>[]
  tracked: readonly TrackedPullRequest[]
  /** Heads for which people were given an address to open the pull request by hand. */
  manualHeads: readonly string[]
}>

export const noPullRequests: PullRequests = {
  open: null,
  outcomes: [],
  tracked: [],
  manualHeads: [],
}

type PullRequestEvent = SessionEventOf<
  | 'pull_request_requested'
  | 'push_requested'
  | 'push_finished'
  | 'pull_request_opening'
  | 'pull_request_settled'
  | 'pull_request_tracked'
>

const settled = (
  requests: PullRequests,
  { requestId, outcome }: SessionEventOf<'pull_request_settled'>,
): PullRequests => ({
  ...requests,
  open: requests.open?.requestId === requestId ? null : requests.open,
  outcomes: [...requests.outcomes, { requestId, outcome }].slice(-REMEMBERED_REQUESTS),
  manualHeads:
    outcome.status === 'manual' && !requests.manualHeads.includes(outcome.headBranch)
      ? [...requests.manualHeads, outcome.headBranch]
      : requests.manualHeads,
})

/** The pull requests after an event that concerns them. */
export const evolvePullRequests = (
  requests: PullRequests,
  event: PullRequestEvent,
): PullRequests => {
  const { open } = requests
  switch (event.type) {
    case 'pull_request_requested': {
      const { type: _, ...asked } = event
      return { ...requests, open: { ...asked, push: null, openingAtMs: null } }
    }
    case 'push_requested': {
      const { type: _, ...push } = event
      return { ...requests, open: open && { ...open, push } }
    }
    case 'push_finished':
      return { ...requests, open: open && { ...open, push: null } }
    case 'pull_request_opening':
      return { ...requests, open: open && { ...open, openingAtMs: event.atMs } }
    case 'pull_request_settled':
      return settled(requests, event)
    case 'pull_request_tracked': {
      const { type: _, ...found } = event
      const others = requests.tracked.filter(one => one.artifactId !== found.artifactId)
      return { ...requests, tracked: [...others, found] }
    }
  }
}

/** Whether it can still be merged, and its head is still its own. */
export const isOpen = ({ state }: Pick<TrackedPullRequest, 'state'>): boolean =>
  state === 'open' || state === 'draft'

/** What people see of a pull request as an artifact (spec 6.4). */
export const pullRequestMetadata = (one: TrackedPullRequest): Record<string, unknown> => ({
  number: one.number,
  state: one.state,
  title: one.title,
  head: one.headBranch,
  base: one.baseBranch,
  headSha: one.headSha,
  authoredBy: one.authoredBy,
})
