/** Commands about pull requests: what is asked, what the github process answers, what webhooks tell. */
import { z } from 'zod'
import { actor, requestId, text } from './actor.ts'
import { pullRequestState } from './github.ts'

const version = { v: z.literal(1) }

/** A running prompt's sandbox, for the prompt's author; or a person who takes part. */
const opener = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sandbox'), generation: z.int().nonnegative() }),
  actor.extend({ kind: z.literal('user') }),
])
const branchName = z.string().min(1).max(255)

/**
 * Push what the session's sandbox has and open a pull request of it, or bring the open one of the same
 * head up to date (spec 6.4). The answer names the request by `requestId`; what comes of it is asked
 * with the question `pull_request`.
 */
export const createPullRequest = z.strictObject({
  ...version,
  type: z.literal('create_pull_request'),
  clientRequestId: requestId.optional(),
  by: opener,
  title: text.min(1).max(256),
  body: text.max(65_536),
  /** Absent: the branch that the session began on. */
  baseBranch: z.string().max(255).nullish(),
  /** Absent: the session's branch. */
  headBranch: z.string().max(255).nullish(),
  draft: z.boolean().nullish(),
})
/** Give up a request while its push is under way; with `requestId`, only if it is that one. */
export const cancelPullRequest = z.strictObject({
  ...version,
  type: z.literal('cancel_pull_request'),
  clientRequestId: requestId.optional(),
  by: opener,
  requestId: requestId.nullish(),
})

/** The pull request is there: opened, or the open one of the same head brought up to date. */
export const pullRequestOpened = z.strictObject({
  ...version,
  type: z.literal('pull_request_opened'),
  requestId,
  number: z.int().positive(),
  url: z.string().max(2048),
  state: pullRequestState,
  title: z.string(),
  headBranch: branchName,
  baseBranch: branchName,
  updated: z.boolean(),
  headSha: z.string().max(128).nullish(),
  /** The git host's own id of the repository. */
  repositoryId: z.int().nullish(),
  authoredBy: z.enum(['user', 'app']),
  /** `updated_at` at the git host: what is older than what is known changes nothing. */
  providerUpdatedAtMs: z.int().nullish(),
})
/** Nobody's token may open it: a person can, at this address. */
export const pullRequestManual = z.strictObject({
  ...version,
  type: z.literal('pull_request_manual'),
  requestId,
  url: z.string().max(2048),
  headBranch: branchName,
  baseBranch: branchName,
})
export const pullRequestFailed = z.strictObject({
  ...version,
  type: z.literal('pull_request_failed'),
  requestId,
  /** Of `errors.ts`; another one is answered as `PULL_REQUEST_FAILED`. */
  code: z.string().max(64),
  error: z.string().max(4000),
})
/** The git host says how a pull request stands (a webhook). */
export const pullRequestChanged = z.strictObject({
  ...version,
  type: z.literal('pull_request_changed'),
  repositoryId: z.int(),
  number: z.int().positive(),
  state: pullRequestState,
  title: z.string().nullish(),
  url: z.string().max(2048),
  headBranch: branchName,
  baseBranch: branchName,
  headSha: z.string().max(128).nullish(),
  providerUpdatedAtMs: z.int(),
  deliveryId: z.string().max(128),
})
/** The git host says that a branch of the session's repository stands at a commit now (a webhook). */
export const gitPushed = z.strictObject({
  ...version,
  type: z.literal('git_pushed'),
  branch: branchName,
  sha: z.string().max(128),
  deliveryId: z.string().max(128),
})

export const pullRequestCommands = [
  createPullRequest,
  cancelPullRequest,
  pullRequestOpened,
  pullRequestManual,
  pullRequestFailed,
  pullRequestChanged,
  gitPushed,
] as const
