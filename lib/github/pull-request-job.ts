/**
 * The job `pull_request`: as the person with their own token, else as the App, else a link with which
 * the person does it by hand (spec 6.4). What came of it is told to the session by a command; passing
 * failures come back later, and in the end that is told too.
 */
import type { CommandInput } from '../../subjects/commands.ts'
import { codeOf, type ErrorCode } from '../../subjects/errors.ts'
import type { PullRequestJob, Repo } from '../../subjects/github.ts'
import type { EncryptionKeys } from '../auth/token-encryption.ts'
import { publishCommand } from '../bus/command.ts'
import type { Bus } from '../bus/connect.ts'
import type { Log } from '../telemetry/log.ts'
import { handedOver } from './answers.ts'
import type { App } from './app.ts'
import { type Caller, type Opening, type Outcome, openPullRequest } from './pull-request.ts'
import type { Repositories } from './repositories.ts'
import { githubFailure, openRequest, withToken } from './request.ts'
import { BRANCH_PREFIX, type SessionOf } from './session-of.ts'
import { TOKEN_BUFFER_MS, type UserTokenStore } from './user-tokens.ts'

/** Half a minute in all, with the pauses of lib/bus/jobs.ts. */
export const PULL_REQUEST_ATTEMPTS = 6

export type PullRequests = {
  readonly bus: Bus
  readonly app: App
  readonly repositories: Repositories
  readonly tokens: UserTokenStore
  readonly keys: EncryptionKeys
  readonly sessionOf: SessionOf
  readonly apiUrl: string
  /** Where people and git go. */
  readonly webUrl: string
  readonly controlPlaneUrl: string
  readonly log: Log
  readonly nowMs: () => number
}

type Author = { readonly authoredBy: 'user' | 'app'; readonly call: Caller }

/** The author's own token, wherever there is one; the lack of one is no failure. */
const userToken = async (room: PullRequests, job: PullRequestJob): Promise<string | undefined> => {
  const { githubUserId, accessTokenEncrypted, tokenExpiresAtMs } = job.author
  try {
    const stored = githubUserId === null ? undefined : await room.tokens.use(githubUserId)
    if (stored !== undefined) return stored
  } catch (error) {
    room.log.warn({ sid: job.sid, githubUserId, error }, 'the author has no usable GitHub token')
  }
  if (tokenExpiresAtMs !== null && tokenExpiresAtMs - TOKEN_BUFFER_MS <= room.nowMs())
    return undefined
  const given = handedOver(room.keys, accessTokenEncrypted)
  if (given === undefined && accessTokenEncrypted !== null) {
    room.log.warn({ sid: job.sid }, 'a token that was handed over cannot be decrypted')
  }
  return given
}

const authorsOf = async (room: PullRequests, job: PullRequestJob): Promise<Author[]> => {
  const asApp: Author = { authoredBy: 'app', call: call => room.app.asInstallation(call) }
  const token = await userToken(room, job)
  if (token === undefined) return [asApp]
  const request = withToken(openRequest(room.apiUrl), token)
  return [{ authoredBy: 'user', call: call => call(request) }, asApp]
}

/** GitHub's page on which a person opens it by hand. */
const manualLink = (webUrl: string, { owner, name }: Repo, base: string, head: string): string => {
  const [o, n, b, h] = [owner, name, base, head].map(encodeURIComponent)
  return `${webUrl}/${o}/${n}/pull/new/${b}...${h}`
}

const failed = (job: PullRequestJob, code: ErrorCode, error: string): CommandInput => ({
  v: 1,
  type: 'pull_request_failed',
  requestId: job.requestId,
  code,
  error: error.slice(0, 2_000),
})

/** The first outcome with which the search for an author ends, and whose it is. */
const firstOf = async (
  authors: readonly Author[],
  opening: Opening,
): Promise<{ authoredBy: Author['authoredBy']; result: Outcome }> => {
  let last: { authoredBy: Author['authoredBy']; result: Outcome } | undefined
  for (const { authoredBy, call } of authors) {
    last = { authoredBy, result: await openPullRequest(call, opening) }
    if (last.result.outcome !== 'may_not') break
  }
  return last ?? { authoredBy: 'app', result: { outcome: 'may_not', error: undefined } }
}

const commandOf = async (room: PullRequests, job: PullRequestJob): Promise<CommandInput> => {
  const { sid, requestId, head } = job
  const { sessionOf, webUrl, controlPlaneUrl } = room
  const repo = await room.repositories.find({ owner: job.repoOwner, name: job.repoName })
  // Before the pull request exists, for its webhook may be faster than we are.
  await sessionOf.claimBranch(repo.id, head, sid)
  const ref = { id: repo.id, fullName: repo.fullName }
  const { authoredBy, result } = await firstOf(await authorsOf(room, job), {
    job,
    repo,
    sessionUrl: `${controlPlaneUrl}/s/${sid}`,
    isOwn: async ({ number, headBranch }) =>
      headBranch === BRANCH_PREFIX + sid || (await sessionOf.pullRequest(ref, { number })) === sid,
  })
  switch (result.outcome) {
    case 'opened': {
      await sessionOf.claimPullRequest(result.repositoryId, result.number, sid)
      const { outcome: _, ...pull } = result
      return { v: 1, type: 'pull_request_opened', requestId, ...pull, authoredBy }
    }
    case 'refused':
      return failed(job, 'GITHUB_REFUSED', result.words)
    case 'may_not': {
      const baseBranch = job.base ?? repo.defaultBranch
      const url = manualLink(webUrl, repo, baseBranch, head)
      return { v: 1, type: 'pull_request_manual', requestId, url, headBranch: head, baseBranch }
    }
  }
}

/** @throws what may pass, so that the job comes back; after the last attempt nothing does */
export const runPullRequest = async (
  room: PullRequests,
  job: PullRequestJob,
  attempt: number,
): Promise<void> => {
  let command: CommandInput
  try {
    command = await commandOf(room, job)
  } catch (error) {
    const told = githubFailure(error)
    const code = codeOf(told) ?? 'INTERNAL'
    const final = code === 'REPOSITORY_NOT_INSTALLED' || code === 'GITHUB_REFUSED'
    if (!final && attempt < PULL_REQUEST_ATTEMPTS) throw error
    room.log.warn({ sid: job.sid, requestId: job.requestId, error }, 'no pull request')
    // Whoever asks again for this request gets the same answer: it must not say "try again".
    command = failed(job, code === 'BUS_UNAVAILABLE' ? 'PULL_REQUEST_FAILED' : code, told.message)
  }
  await tellOutcome(room.bus, job, command)
}

/** Without a git host there are no pull requests; whoever waits for one is told. */
export const refusePullRequest = (bus: Bus, job: PullRequestJob): Promise<void> =>
  tellOutcome(
    bus,
    job,
    failed(job, 'GITHUB_NOT_CONFIGURED', 'No git host is configured: there are no pull requests'),
  )

const tellOutcome = async (bus: Bus, job: PullRequestJob, command: CommandInput) => {
  await publishCommand(bus, job.sid, command, { id: `${job.sid}.pr.${job.requestId}` })
}
