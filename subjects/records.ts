/**
 * Records: the truth. One message on `evt.<p>.<sid>` per command that changed something. A record
 * holds what happened (`events`, in order), what the world must do because of it (`effects`), which
 * timers it set, the answer to whoever asked, and the session's newest summary. Readers of old
 * records are kept forever: fields are added, never changed in meaning; `v` counts otherwise.
 */
import { z } from 'zod'
import { pullRequestEvents } from './pull-request-events.ts'
import { reply } from './replies.ts'
import { participantRole } from './roles.ts'

export type { PullRequestOutcome } from './pull-request-events.ts'

export const SESSION_STATUSES = [
  'created',
  'active',
  'completed',
  'failed',
  'archived',
  'cancelled',
] as const
export const sessionStatus = z.enum(SESSION_STATUSES)
export type SessionStatus = z.infer<typeof sessionStatus>

export const SANDBOX_STATUSES = [
  'pending',
  'spawning',
  'connecting',
  'warming',
  'syncing',
  'ready',
  'running',
  'stale',
  'snapshotting',
  'stopped',
  'failed',
] as const
export const sandboxStatus = z.enum(SANDBOX_STATUSES)
export type SandboxStatus = z.infer<typeof sandboxStatus>

const text = z.string()
const ms = z.int()
const optional = text.nullable()

const participant = {
  participantId: text,
  userId: text,
  login: optional,
  name: optional,
  email: optional,
  githubUserId: optional,
}

/** Who wrote a prompt, as the sandbox is told. */
export const promptAuthor = z.object(participant)
export type PromptAuthor = z.infer<typeof promptAuthor>

const event = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ type: z.literal(type), ...shape })

export const sessionEvent = z.discriminatedUnion('type', [
  event('session_created', {
    sessionId: text,
    title: optional,
    repoOwner: text,
    repoName: text,
    baseBranch: text,
    model: text,
    reasoningEffort: optional,
    createdAtMs: ms,
  }),
  event('session_status_changed', { status: sessionStatus }),
  /** The last event of a session; its record outlives everything else of it. */
  event('session_deleted', { userId: optional, atMs: ms }),
  /** `provisional`: made from a prompt; the agent's own proposal may still replace it. */
  event('session_title_changed', { title: text, provisional: z.boolean().optional() }),
  event('session_sha_changed', { sha: text }),
  event('cost_added', { cost: z.number() }),

  event('participant_joined', { ...participant, role: participantRole, joinedAtMs: ms }),
  /** `role` absent: as it was. */
  event('participant_updated', { ...participant, role: participantRole.optional() }),
  /** The person's token of the git host, encrypted, for this person's pull requests. */
  event('scm_token_stored', {
    participantId: text,
    encrypted: text,
    expiresAtMs: ms.nullable(),
  }),
  event('ws_token_issued', { participantId: text, tokenHash: text, issuedAtMs: ms }),

  event('prompt_queued', {
    messageId: text,
    clientRequestId: optional,
    participantId: text,
    content: text,
    source: text,
    model: optional,
    reasoningEffort: optional,
    attachments: z.array(z.unknown()).nullable(),
    callbackContext: z.record(z.string(), z.unknown()).nullable(),
    queuedAtMs: ms,
  }),
  /** Each change of the waiting prompts says who made it. */
  event('prompt_cancelled', { messageId: text, userId: text, atMs: ms }),
  event('prompt_edited', { messageId: text, content: text, userId: text, atMs: ms }),
  /** Stands before the prompt `before` now; null: at the end. */
  event('prompt_moved', { messageId: text, before: optional, userId: text, atMs: ms }),
  event('queue_held', { userId: text, atMs: ms }),
  event('queue_released', { userId: text, atMs: ms }),
  /** In the history, so that people see what was turned away and why. */
  event('prompt_refused', { clientRequestId: optional, code: text, message: text }),
  /** Everything that a sandbox needs to run it, so that an edge needs nothing else. */
  event('prompt_started', {
    messageId: text,
    generation: z.int(),
    content: text,
    model: text,
    reasoningEffort: optional,
    attachments: z.array(z.unknown()).nullable(),
    author: promptAuthor,
    startedAtMs: ms,
  }),
  /** Nobody confirmed the delivery in time: the edge with the socket sends it once more. */
  event('prompt_announced', { messageId: text, attempt: z.int() }),
  event('prompt_delivered', { messageId: text }),
  event('prompt_finished', {
    messageId: text,
    success: z.boolean(),
    error: optional,
    finishedAtMs: ms,
  }),
  /** Waited, and never will be started: its session was cancelled. */
  event('prompt_dropped', { messageId: text, error: text, finishedAtMs: ms }),
  /** The prompt is over for the people; the sandbox still has to confirm that it let go. */
  event('stop_requested', { messageId: text, userId: optional, requestedAtMs: ms }),
  event('stop_confirmed', { messageId: text }),
  event('stop_expired', { messageId: text }),

  /** A sandbox of a new generation is wanted. Resets everything that an older one left. */
  event('sandbox_requested', {
    generation: z.int(),
    sandboxId: text,
    tokenHash: text,
    snapshotImageId: optional,
    requestedAtMs: ms,
  }),
  event('sandbox_spawned', { generation: z.int(), objectId: optional, host: text }),
  event('sandbox_spawn_failed', {
    generation: z.int(),
    error: text,
    counts: z.boolean(),
    failedAtMs: ms,
  }),
  event('sandbox_status_changed', { status: sandboxStatus, reason: optional }),
  event('sandbox_connected', {
    generation: z.int(),
    connectionId: text,
    dedupes: z.boolean(),
    connectedAtMs: ms,
  }),
  event('sandbox_disconnected', { generation: z.int(), connectionId: text, atMs: ms }),
  /** It is over, but its image is still awaited: `sandbox_shutdown` follows with that or its deadline. */
  event('sandbox_ending', { generation: z.int(), reason: text }),
  /** One that a provider started for a session which was deleted meanwhile. */
  event('sandbox_orphaned', {
    sessionId: text,
    generation: z.int(),
    sandboxId: text,
    objectId: optional,
    host: text,
  }),
  /** The bridge is to exit. `reason` is also the reason of the close frame. */
  event('sandbox_shutdown', { generation: z.int(), reason: text }),
  event('sandbox_bridge_ready', {
    generation: z.int(),
    agentSessionId: optional,
    dedupes: z.boolean(),
  }),
  /** It reports the end of a run without an id: such a program loses its run with its socket. */
  event('sandbox_forgets', { generation: z.int() }),
  /** Up to where a bridge's numbered events are stored; `ackIds`, the unnumbered ones. */
  event('sandbox_progress', {
    generation: z.int(),
    run: optional,
    seq: z.int(),
    ackIds: z.array(text),
  }),
  /** What a deadline found out, so that the next one is set from it. */
  event('sandbox_observed', { lastHeartbeatMs: ms.nullable(), inactivityCheckMs: ms.nullable() }),
  event('sandbox_activity', { atMs: ms }),
  event('sandbox_git_sync', { status: text, sha: optional }),
  event('sandbox_retry_planned', { atMs: ms.nullable(), reason: text }),

  /** An image is being taken; nothing is started on the sandbox meanwhile. */
  event('snapshot_started', { generation: z.int(), reason: text, atMs: ms }),
  event('snapshot_saved', { generation: z.int(), imageId: text, reason: text, atMs: ms }),
  /** No answer in time: nothing waits for it any longer. */
  event('snapshot_expired', { generation: z.int(), reason: text, atMs: ms }),
  event('snapshot_failed', { generation: z.int(), error: text, reason: text, atMs: ms }),

  /** Announcements without a state of their own. */
  event('sandbox_spawning', {}),
  event('sandbox_warming', { atMs: ms }),
  event('sandbox_error', { error: text }),
  event('sandbox_warning', { message: text }),
  event('sandbox_restored', { message: text }),

  /**
   * One stored line of what people see. `sequence` counts 1, 2, 3 … per session without a hole.
   * The same `eventId` again replaces the earlier one, which keeps its place (`position`).
   */
  event('timeline', {
    sequence: z.int().positive(),
    eventId: text,
    position: z.int().positive(),
    messageId: optional,
    atMs: ms,
    event: z.looseObject({ type: text }),
  }),
  ...pullRequestEvents,
])
export type SessionEvent = z.infer<typeof sessionEvent>
export type SessionEventType = SessionEvent['type']
export type SessionEventOf<T extends SessionEventType> = Extract<SessionEvent, { type: T }>

/** What the world must do. `id` is derived from the record; doing it twice must not matter. */
export const effect = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('sandbox_job'),
    id: text,
    job: z.enum(['spawn', 'restore', 'snapshot', 'stop', 'destroy']),
    host: text,
    payload: z.record(z.string(), z.unknown()),
  }),
  /** Tell the bot that asked for a prompt that it is over. */
  z.object({
    kind: z.literal('callback_job'),
    id: text,
    payload: z.record(z.string(), z.unknown()),
  }),
  z.object({
    kind: z.literal('github_job'),
    id: text,
    job: z.enum(['pull_request']),
    payload: z.record(z.string(), z.unknown()),
  }),
])
export type Effect = z.infer<typeof effect>

/** A timer that the record set; replaces an older one of the same name. */
export const timer = z.object({ name: text, atMs: ms })
export type Timer = z.infer<typeof timer>

/** One line of `GET /sessions`. */
export const sessionSummary = z.object({
  id: text,
  title: optional,
  repoOwner: text,
  repoName: text,
  baseBranch: text,
  branchName: optional,
  model: text,
  reasoningEffort: optional,
  status: sessionStatus,
  createdAtMs: ms,
  updatedAtMs: ms,
  userId: text,
  login: optional,
  messageCount: z.int(),
  totalCost: z.number(),
  /** When the last prompt that ran ended. Absent in old records. */
  finishedAtMs: ms.nullish(),
})
export type SessionSummary = z.infer<typeof sessionSummary>

export const record = z.object({
  v: z.literal(1),
  sid: text,
  /** The epoch of the partition's ownership, and who held it: for people who read the log. */
  epoch: z.int(),
  owner: text,
  /** Sequence in CMD of the command that this answers: the redelivery guard. */
  commandSequence: z.int(),
  commandType: text,
  /** When the command was stored. */
  atMs: ms,
  /** Set when the command had a `clientRequestId`: a repetition gets the same reply. */
  request: z.object({ id: text, fingerprint: text }).nullable(),
  reply,
  events: z.array(sessionEvent),
  effects: z.array(effect),
  timers: z.array(timer),
  summary: sessionSummary.nullable(),
})
export type SessionRecord = z.infer<typeof record>

/** True for the record that a deleted session leaves behind: such a session is unknown. */
export const isTombstone = (record: {
  readonly events: readonly { readonly type: string }[]
}): boolean => record.events.some(event => event.type === 'session_deleted')
