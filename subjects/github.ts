/**
 * What is said between the github process, which alone holds the App's key and people's GitHub
 * tokens, and everybody else: questions over core request/reply, jobs on JOB, webhook deliveries on
 * HOOK. A token that an answer holds is for the moment: no stream stores it.
 */
import { z } from 'zod'

const text = z.string()
const version = { v: z.literal(1) }
/** Owner and name of a repository, in lower case. */
const repository = { owner: text, name: text }

/** A repository that the App sees (spec 6.3). */
export const repo = z.object({
  id: z.int(),
  owner: text,
  name: text,
  fullName: text,
  description: text.nullable(),
  private: z.boolean(),
  defaultBranch: text,
  archived: z.boolean(),
  language: text.nullable(),
  topics: z.array(text),
})
export type Repo = z.infer<typeof repo>

/** What people wrote down of a repository. */
export const repoMetadata = z.strictObject({
  description: text.max(4_000).optional(),
  aliases: z.array(text.max(256)).max(64).optional(),
  channelAssociations: z.array(text.max(256)).max(256).optional(),
  keywords: z.array(text.max(256)).max(256).optional(),
})
export type RepoMetadata = z.infer<typeof repoMetadata>

const USER_ID = /^github:([0-9]{1,20})$/
/** The user id of who signed in with GitHub, and back; undefined for any other user id. */
export const userIdOf = (githubUserId: string): string => `github:${githubUserId}`
export const githubUserIdOf = (userId: string): string | undefined => USER_ID.exec(userId)?.[1]

/** Who signed in at GitHub. The user id of such a person is `github:<githubUserId>`. */
export const githubUser = z.object({
  githubUserId: text,
  login: text,
  name: text.nullable(),
  /** The public address, else the primary verified one, else GitHub's noreply one (spec 6.2). */
  email: text,
  avatarUrl: text.nullable(),
})
export type GithubUser = z.infer<typeof githubUser>

/** Questions to any github process. Answered with codes of `errors.ts` where they are refused. */
export const githubQuestion = z.discriminatedUnion('type', [
  z.object({ ...version, type: z.literal('repos') }),
  z.object({ ...version, type: z.literal('branches'), ...repository }),
  /**
   * Is it there for the App, and, where configured, for this user's own token? That is the stored one
   * of a user id `github:<githubUserId>`, else one that a web app handed over, encrypted.
   */
  z.object({
    ...version,
    type: z.literal('repository'),
    ...repository,
    userId: text.nullable(),
    accessTokenEncrypted: text.nullish(),
  }),
  /** A token for git, for this repository alone. */
  z.object({
    ...version,
    type: z.literal('credentials'),
    ...repository,
    access: z.enum(['read', 'write']),
  }),
  /** Ends a sign-in: spends the code, stores the tokens, says who it is. */
  z.object({
    ...version,
    type: z.literal('sign_in'),
    code: text,
    codeVerifier: text,
    redirectUri: text,
  }),
])
export type GithubQuestion = z.infer<typeof githubQuestion>
export type GithubQuestionType = GithubQuestion['type']
export type GithubQuestionOf<T extends GithubQuestionType> = Extract<GithubQuestion, { type: T }>

export const githubAnswers = {
  repos: z.object({
    repos: z.array(repo.extend({ metadata: repoMetadata.nullable() })),
    cached: z.boolean(),
    /** ISO 8601. */
    cachedAt: text,
  }),
  branches: z.object({ branches: z.array(z.object({ name: text })) }),
  repository: z.object({ repository: repo }),
  credentials: z.object({ username: text, password: text, expiresAtMs: z.number() }),
  sign_in: z.object({ user: githubUser }),
} as const satisfies Record<GithubQuestionType, z.ZodType>
export type GithubAnswerOf<T extends GithubQuestionType> = z.infer<(typeof githubAnswers)[T]>

/** Who a pull request is opened for, with the token that a web app handed over, encrypted. */
export const pullRequestAuthor = z.object({
  userId: text,
  login: text.nullable(),
  githubUserId: text.nullable(),
  accessTokenEncrypted: text.nullable(),
  tokenExpiresAtMs: z.number().nullable(),
})

/**
 * Open a pull request, or bring the open one of the same head up to date (spec 6.4). The head is
 * pushed already. What comes of it is a command: `pull_request_opened`, `pull_request_manual` or
 * `pull_request_failed`, with this `requestId`.
 */
export const pullRequestJob = z.object({
  ...version,
  sid: text,
  requestId: text,
  repoOwner: text,
  repoName: text,
  title: text,
  body: text,
  head: text,
  /** Null: the repository's default branch. */
  base: text.nullable(),
  draft: z.boolean(),
  author: pullRequestAuthor,
  /** The number of the session's own pull request for this head, when it has one. */
  known: z.int().nullable(),
})
export type PullRequestJob = z.infer<typeof pullRequestJob>

export const githubJobSchemas = { pull_request: pullRequestJob } as const
export type GithubJobKind = keyof typeof githubJobSchemas

/** A webhook delivery whose signature was verified. `Nats-Msg-Id` is the delivery's id. */
export const githubDelivery = z.object({
  ...version,
  deliveryId: text,
  event: text,
  receivedAtMs: z.int(),
  /** The payload as GitHub sent it, parsed. */
  payload: z.record(text, z.unknown()),
})
export type GithubDelivery = z.infer<typeof githubDelivery>

/** How a pull request stands; `draft` is an open one that is not ready. */
export const PULL_REQUEST_STATES = ['open', 'draft', 'closed', 'merged'] as const
export const pullRequestState = z.enum(PULL_REQUEST_STATES)
export type PullRequestState = z.infer<typeof pullRequestState>
