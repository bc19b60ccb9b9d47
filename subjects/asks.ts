/**
 * Questions to the owner of a session's partition, over core request/reply. They change nothing.
 * Every answer names the record at which it is true: who has seen a newer one asks again.
 */
import { z } from 'zod'
import {
  artifact,
  historyCursor,
  presence,
  sessionSnapshot,
  timelineItem,
} from './frames-server.ts'
import { pullRequestOutcome } from './pull-request-events.ts'
import { participantRole } from './roles.ts'
import { presenceSignal } from './signals.ts'

const text = z.string()
const base = { v: z.literal(1), sid: text }
const page = {
  limit: z.int().min(1).max(500),
  cursor: text.nullish(),
}

export const question = z.discriminatedUnion('type', [
  /** May this token join, and what does it see? One question per client that subscribes. */
  z.object({
    ...base,
    type: z.literal('join'),
    tokenHash: text,
    after: z.int().nonnegative().nullish(),
    /** The edge follows the session already: it needs neither `presence` nor `view`. */
    follows: z.boolean().optional(),
  }),
  /** May this sandbox connect? */
  z.object({
    ...base,
    type: z.literal('sandbox_join'),
    tokenHash: text,
    sandboxId: text,
  }),
  /** Is the sandbox of this generation still to be started, and does a prompt wait for it? */
  z.object({ ...base, type: z.literal('sandbox_wanted'), generation: z.int() }),
  z.object({ ...base, type: z.literal('snapshot') }),
  z.object({
    ...base,
    type: z.literal('events'),
    ...page,
    eventType: text.nullish(),
    messageId: text.nullish(),
  }),
  z.object({ ...base, type: z.literal('messages'), ...page, status: text.nullish() }),
  /** The page of the timeline before a line, as `cursor` of a page names it. */
  z.object({
    ...base,
    type: z.literal('history'),
    cursor: z.object({
      timestamp: z.number(),
      id: text,
      sequence: z.int().nonnegative().nullish(),
    }),
    limit: page.limit,
  }),
  z.object({ ...base, type: z.literal('participants') }),
  z.object({ ...base, type: z.literal('artifacts') }),
  /** What has come of a request for a pull request? */
  z.object({ ...base, type: z.literal('pull_request'), requestId: text }),
])
export type Question = z.infer<typeof question>
export type QuestionType = Question['type']
export type QuestionOf<T extends QuestionType> = Extract<Question, { type: T }>

const at = { recordSeq: z.int() }

export const eventRow = z.object({
  id: text,
  type: text,
  data: z.looseObject({ type: text }),
  messageId: text.nullable(),
  createdAt: z.number(),
  sequence: z.int(),
})
export type EventRow = z.infer<typeof eventRow>
export const messageRow = z.object({
  id: text,
  authorId: text,
  content: text,
  source: text,
  model: text.nullable(),
  status: text,
  errorMessage: text.nullable(),
  attachments: z.array(z.unknown()).nullable(),
  createdAt: z.number(),
  startedAt: z.number().nullable(),
  completedAt: z.number().nullable(),
})
export type MessageRow = z.infer<typeof messageRow>
export const participantRow = z.object({
  id: text,
  userId: text,
  githubLogin: text.nullable(),
  githubName: text.nullable(),
  role: text,
  joinedAt: z.number(),
})
export type ParticipantRow = z.infer<typeof participantRow>

/** What the seed's `GET /sessions/:id` shows besides the snapshot. */
export const sessionDetails = z.object({
  baseSha: text.nullable(),
  currentSha: text.nullable(),
  agentSessionId: text.nullable(),
  sandbox: z
    .object({
      id: text,
      sandboxId: text.nullable(),
      objectId: text.nullable(),
      status: text,
      gitSyncStatus: text,
      lastHeartbeat: z.number().nullable(),
      generation: z.int(),
    })
    .nullable(),
})
export type SessionDetails = z.infer<typeof sessionDetails>

/** What to tell a sandbox that has just connected: what is still outstanding for it. */
export const outstanding = z.object({
  /** A prompt whose delivery nobody has confirmed. A frame of `frames-sandbox.ts`. */
  prompt: z.looseObject({ type: z.literal('prompt'), messageId: text }).nullable(),
  stop: z.boolean(),
  /** The message that `stop` concerns. */
  stopMessageId: text.nullish(),
  /** A push that it has not reported on. A frame of `frames-sandbox.ts`. */
  push: z.looseObject({ type: z.literal('push') }).nullish(),
})

export const answers = {
  join: z.object({
    ...at,
    participant: presence
      .pick({ participantId: true, userId: true, name: true, avatar: true })
      .extend({ role: participantRole.optional() }),
    snapshot: sessionSnapshot,
    recovered: z.boolean(),
    /** The sockets of every edge, as last announced. Empty for an edge that `follows`. */
    presence: z.array(presenceSignal),
    /** The view at `recordSeq`, for an edge that opens its room with this answer: see lib/session/view. */
    view: z.unknown(),
  }),
  sandbox_join: z.object({
    ...at,
    generation: z.int(),
    outstanding,
    view: z.unknown(),
  }),
  /** `promptWaits`: false when it is got ready because a prompt is likely. */
  sandbox_wanted: z.object({ ...at, wanted: z.boolean(), promptWaits: z.boolean() }),
  snapshot: z.object({ ...at, snapshot: sessionSnapshot, details: sessionDetails }),
  events: z.object({
    ...at,
    events: z.array(eventRow),
    cursor: text.nullable(),
    hasMore: z.boolean(),
  }),
  messages: z.object({
    ...at,
    messages: z.array(messageRow),
    cursor: text.nullable(),
    hasMore: z.boolean(),
  }),
  history: z.object({
    ...at,
    /** Ascending, as in a snapshot. */
    items: z.array(timelineItem),
    hasMore: z.boolean(),
    cursor: historyCursor.nullable(),
  }),
  participants: z.object({ ...at, participants: z.array(participantRow) }),
  artifacts: z.object({ ...at, artifacts: z.array(artifact) }),
  /** `outcome`: null while it is open. @throws PULL_REQUEST_NOT_FOUND for one that is long over */
  pull_request: z.object({ ...at, outcome: pullRequestOutcome.nullable() }),
} as const satisfies Record<QuestionType, z.ZodType>
export type AnswerOf<T extends QuestionType> = z.infer<(typeof answers)[T]>

/** On the wire: the answer, or a code of `errors.ts`. */
export const answerEnvelope = z.discriminatedUnion('ok', [
  z.object({ v: z.literal(1), ok: z.literal(true), answer: z.unknown() }),
  z.object({ v: z.literal(1), ok: z.literal(false), code: text, message: text }),
])
