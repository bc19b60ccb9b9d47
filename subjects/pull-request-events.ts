/** Events of a record about artifacts and pull requests: see records.ts. */
import { z } from 'zod'
import { pullRequestState } from './github.ts'

const text = z.string()
const ms = z.int()
const optional = text.nullable()

/** What came of a request for a pull request. */
export const pullRequestOutcome = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('opened'),
    number: z.int(),
    url: text,
    state: pullRequestState,
    headBranch: text,
    baseBranch: text,
    /** It was there already and was brought up to date. */
    updated: z.boolean(),
  }),
  z.object({
    status: z.literal('manual'),
    /** Where a person opens it. */
    url: text,
    headBranch: text,
    baseBranch: text,
  }),
  z.object({ status: z.literal('failed'), code: text, error: text }),
])
export type PullRequestOutcome = z.infer<typeof pullRequestOutcome>

const event = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ type: z.literal(type), ...shape })

export const pullRequestEvents = [
  event('artifact_created', {
    artifactId: text,
    artifactType: text,
    url: optional,
    metadata: z.record(z.string(), z.unknown()).nullable(),
    createdAtMs: ms,
  }),
  /** Holds what is known now, not what was added. */
  event('artifact_updated', {
    artifactId: text,
    artifactType: text,
    url: optional,
    metadata: z.record(z.string(), z.unknown()).nullable(),
    updatedAtMs: ms,
  }),

  /** The session's work is on this branch of the git host now, and goes there from now on. */
  event('session_branch_changed', { branchName: text }),
  /** One at a time, until it is settled: with a `push_requested`, or else `pull_request_opening`. */
  event('pull_request_requested', {
    requestId: text,
    /** For whom it is opened. */
    participantId: text,
    by: z.enum(['sandbox', 'user']),
    title: text,
    body: text,
    headBranch: text,
    baseBranch: text,
    draft: z.boolean(),
    requestedAtMs: ms,
  }),
  /** Everything that a sandbox needs to push, and no token. */
  event('push_requested', {
    requestId: text,
    generation: z.int(),
    repoOwner: text,
    repoName: text,
    branchName: text,
    remoteUrl: text,
    /** May replace what is on the branch: only where all that is there came from this session. */
    force: z.boolean(),
    requestedAtMs: ms,
  }),
  /** `reported`: the sandbox said so itself; otherwise it is to let go of a push that failed. */
  event('push_finished', {
    requestId: text,
    branchName: text,
    success: z.boolean(),
    error: optional,
    reported: z.boolean(),
    finishedAtMs: ms,
  }),
  /** The head is at the git host: the github process is asked to open the pull request. */
  event('pull_request_opening', { requestId: text, atMs: ms }),
  event('pull_request_settled', {
    requestId: text,
    outcome: pullRequestOutcome,
    settledAtMs: ms,
  }),
  /** How a pull request of the session stands; the artifact `artifactId` shows it. */
  event('pull_request_tracked', {
    artifactId: text,
    repositoryId: z.int().nullable(),
    number: z.int(),
    url: text,
    title: text,
    state: pullRequestState,
    headBranch: text,
    baseBranch: text,
    headSha: optional,
    authoredBy: z.enum(['user', 'app']).nullable(),
    providerUpdatedAtMs: ms.nullable(),
  }),
] as const
