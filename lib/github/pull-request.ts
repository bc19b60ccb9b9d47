/**
 * Opens a pull request, or brings the open one of the same branch up to date (spec 6.4). Done twice it
 * is there once: the second attempt finds what the first one made by the mark that it left in the body,
 * whatever has become of it since.
 */
import type { PullRequestJob, PullRequestState, Repo } from '../../subjects/github.ts'
import { type GithubRequest, isPassing, isRefusal, statusOf, wordsOf } from './request.ts'

/** GitHub's limit, which footer and mark must fit into. */
const BODY_CHARS = 65_000
const UNPROCESSABLE = 422

/** Calls GitHub as somebody; the App's calls are repeated with a fresh token after a 401. */
export type Caller = <T>(call: (request: GithubRequest) => Promise<T>) => Promise<T>

export type Opened = {
  readonly outcome: 'opened'
  readonly number: number
  readonly url: string
  readonly state: PullRequestState
  readonly title: string
  readonly headBranch: string
  readonly baseBranch: string
  readonly headSha: string
  readonly updated: boolean
  readonly repositoryId: number
  readonly providerUpdatedAtMs: number
}
/** `may_not`: this caller cannot, another one might. `refused`: nobody can, with GitHub's words. */
export type Outcome =
  | Opened
  | { readonly outcome: 'may_not'; readonly error: unknown }
  | { readonly outcome: 'refused'; readonly words: string }

type Pull = Awaited<ReturnType<typeof pullsOf>>[number]
type Place = { readonly owner: string; readonly repo: string }

/** GitHub's words; for the refusal that people meet most, with what to do. */
const refusalOf = (error: unknown): string => {
  const words = wordsOf(error)
  return /No commits between/.test(words)
    ? `Nothing is committed yet, do that first (${words})`
    : words
}

/** By which a request knows what it has done, when nobody heard of it. People do not see it. */
const markOf = ({ requestId }: PullRequestJob): string => `<!-- request ${requestId} -->`

/** The body with a way back to the session. */
const bodyOf = (job: PullRequestJob, sessionUrl: string): string =>
  `${job.body.slice(0, BODY_CHARS)}\n\n---\n*Opened by [a coding agent session](${sessionUrl})*\n${markOf(job)}`

/** The newest pull requests of a branch, also those that are closed or merged. */
const pullsOf = async (request: GithubRequest, place: Place, head: string) => {
  const { data } = await request('GET /repos/{owner}/{repo}/pulls', {
    ...place,
    state: 'all',
    head: `${place.owner}:${head}`,
    per_page: 100,
  })
  // GitHub leaves the filter out when it does not understand it.
  return data.filter(one => one.head.ref === head && one.head.repo?.id === one.base.repo.id)
}

const stateOf = (pull: Pick<Pull, 'state' | 'draft' | 'merged_at'>): PullRequestState => {
  if (pull.state === 'open') return pull.draft ? 'draft' : 'open'
  return pull.merged_at ? 'merged' : 'closed'
}

const opened = (
  pull: Omit<Pull, 'draft'> & { draft?: boolean | undefined },
  updated: boolean,
): Opened => ({
  outcome: 'opened',
  number: pull.number,
  url: pull.html_url,
  state: stateOf(pull as Pull),
  title: pull.title,
  headBranch: pull.head.ref,
  baseBranch: pull.base.ref,
  headSha: pull.head.sha,
  updated,
  repositoryId: Number(pull.base.repo.id),
  providerUpdatedAtMs: Date.parse(pull.updated_at),
})

/** What a pull request job needs to know besides itself. */
export type Opening = {
  readonly job: PullRequestJob
  readonly repo: Repo
  readonly sessionUrl: string
  /** Whether the session may change this pull request: it is its own. */
  readonly isOwn: (pull: {
    readonly number: number
    readonly headBranch: string
  }) => Promise<boolean>
}

/** One attempt as one caller. @throws only what may pass */
export const openPullRequest = async (call: Caller, opening: Opening): Promise<Outcome> => {
  try {
    return await call(request => open(request, opening))
  } catch (error) {
    if (isPassing(error)) throw error
    if (isRefusal(error)) return { outcome: 'may_not', error }
    if (statusOf(error) === UNPROCESSABLE) return { outcome: 'refused', words: refusalOf(error) }
    throw error
  }
}

const open = async (request: GithubRequest, opening: Opening): Promise<Outcome> => {
  const { job, repo, sessionUrl } = opening
  const place: Place = { owner: repo.owner, repo: repo.name }
  const title = job.title
  const body = bodyOf(job, sessionUrl)
  const existing = async () => {
    const pulls = await pullsOf(request, place, job.head)
    const fitting = pulls.filter(
      one => one.state === 'open' && [null, one.base.ref].includes(job.base),
    )
    return (
      pulls.find(one => one.body?.includes(markOf(job))) ??
      fitting.find(one => one.number === job.known) ??
      fitting[0]
    )
  }
  const found = await existing()
  if (found) return update(request, opening, place, found, { title, body })
  try {
    const { data } = await request('POST /repos/{owner}/{repo}/pulls', {
      ...place,
      title,
      body,
      head: job.head,
      base: job.base ?? repo.defaultBranch,
      draft: job.draft,
    })
    return opened(data as unknown as Pull, false)
  } catch (error) {
    // Somebody was faster, or this very request was, before its answer was lost.
    const now = statusOf(error) === UNPROCESSABLE ? await existing() : undefined
    if (!now) throw error
    return update(request, opening, place, now, { title, body })
  }
}

const update = async (
  request: GithubRequest,
  { job, isOwn }: Opening,
  place: Place,
  found: Pull,
  wanted: { readonly title: string; readonly body: string },
): Promise<Outcome> => {
  const known = found.number === job.known
  // Done by an attempt of which nobody heard.
  if (found.body?.includes(markOf(job))) return opened(found, known)
  if (!known && !(await isOwn({ number: found.number, headBranch: found.head.ref }))) {
    return {
      outcome: 'refused',
      words: `There is a pull request for ${job.head} already, which is not this session's: ${found.html_url}`,
    }
  }
  const { data } = await request('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', {
    ...place,
    pull_number: found.number,
    ...wanted,
  })
  return opened(data as unknown as Pull, true)
}
