/**
 * Frames that a client receives (spec 2.4, 2.5). JSON text. Browser-safe. All times in milliseconds,
 * except `timestamp` inside a timeline event (seconds).
 */
import * as z from 'zod'
import { participantRole } from './roles.ts'

const text = z.string()
const ms = z.number()

export const presence = z.looseObject({
  participantId: text,
  userId: text,
  name: text,
  avatar: text.optional(),
  status: z.enum(['active', 'idle', 'away']),
  lastSeen: ms,
})
export type Presence = z.infer<typeof presence>

export const queuedPrompt = z.looseObject({
  messageId: text,
  content: text,
  status: z.enum(['pending', 'processing']),
  source: text,
  author: z.looseObject({ participantId: text, userId: text, name: text }),
  createdAt: ms,
})
export type QueuedPrompt = z.infer<typeof queuedPrompt>

export const artifact = z.looseObject({
  id: text,
  type: text,
  url: text.nullable(),
  metadata: z.record(text, z.unknown()).nullable(),
  createdAt: ms,
  updatedAt: ms,
})
export type Artifact = z.infer<typeof artifact>

/** A stored line: `sequence` says when it last changed, `timelineSequence` where it stands. */
export const timelineItem = z.looseObject({
  eventId: text,
  sequence: z.int().positive(),
  timelineSequence: z.int().positive(),
  event: z.looseObject({ type: text }),
})
export type TimelineItem = z.infer<typeof timelineItem>

export const historyCursor = z.looseObject({ timestamp: ms, id: text, sequence: z.int() })

/** What everybody may know of a session. No secret. */
export const sessionInfo = z.looseObject({
  id: text,
  title: text.nullable(),
  repoOwner: text,
  repoName: text,
  baseBranch: text,
  branchName: text.nullable(),
  status: text,
  sandboxStatus: text,
  messageCount: z.int(),
  createdAt: ms,
  updatedAt: ms,
  model: text,
  reasoningEffort: text.nullable(),
  isProcessing: z.boolean(),
  totalCost: z.number(),
})
export type SessionInfo = z.infer<typeof sessionInfo>

export const snapshotFields = {
  session: sessionInfo,
  artifacts: z.array(artifact),
  timeline: z.looseObject({
    events: z.array(timelineItem),
    hasMore: z.boolean(),
    cursor: historyCursor.nullable(),
  }),
  promptQueue: z.array(queuedPrompt),
  /** The queue's version: grows with every change of the queue. */
  version: z.int(),
  held: z.boolean(),
  /** Why the last sandbox could not start or was lost, or null. */
  spawnError: text.nullable(),
  /** The highest `sequence` that this contains: say it in `subscribe.after` to resume. */
  sequence: z.int().nonnegative(),
}
export const sessionSnapshot = z.looseObject(snapshotFields)
export type SessionSnapshot = z.infer<typeof sessionSnapshot>

const frame = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.looseObject({ type: z.literal(type), ...shape })

export const serverFrame = z.discriminatedUnion('type', [
  frame('pong', { timestamp: ms }),
  /**
   * `recovered: true`: `timeline.events` is exactly what was missed since `after`, in order.
   * `recovered: false`: it is the newest page, and what the client holds is to be replaced.
   */
  frame('subscribed', {
    sessionId: text,
    participantId: text,
    participant: z.looseObject({
      participantId: text,
      userId: text,
      name: text,
      avatar: text.optional(),
      role: participantRole.optional(),
    }),
    recovered: z.boolean(),
    ...snapshotFields,
  }),
  frame('prompt_queued', {
    messageId: text,
    position: z.int().nullable(),
    clientRequestId: text.optional(),
  }),
  /** Stored lines carry `sequence`; growing text (`token`) and passing steps do not. */
  frame('sandbox_event', {
    event: z.looseObject({ type: text }),
    eventId: text.optional(),
    sequence: z.int().positive().optional(),
    timelineSequence: z.int().positive().optional(),
  }),
  frame('presence_sync', { participants: z.array(presence) }),
  frame('presence_update', { participants: z.array(presence) }),
  frame('presence_leave', { userId: text }),
  frame('sandbox_spawning', {}),
  frame('sandbox_warming', {}),
  frame('sandbox_status', { status: text, reason: text.optional() }),
  frame('sandbox_ready', {}),
  frame('sandbox_error', { error: text }),
  frame('sandbox_warning', { message: text }),
  frame('sandbox_restored', { message: text }),
  frame('snapshot_saved', { imageId: text, reason: text }),
  frame('artifact_created', { artifact: z.looseObject({ id: text, type: text }) }),
  /** Its state has changed, outside or by a newer version of it. */
  frame('artifact_updated', { artifact: z.looseObject({ id: text, type: text }) }),
  frame('session_branch', {
    branchName: text,
    repoOwner: text.optional(),
    repoName: text.optional(),
  }),
  frame('session_status', { status: text }),
  frame('session_title', { title: text }),
  frame('prompt_queue_updated', {
    promptQueue: z.array(queuedPrompt),
    version: z.int(),
    held: z.boolean(),
  }),
  /** To who asked for it; everybody gets `prompt_queue_updated`. */
  frame('prompt_cancelled', { clientRequestId: text, messageId: text }),
  /** To who edited, moved, held or released: done, and the queue's version since. */
  frame('queue_changed', { clientRequestId: text, version: z.int() }),
  frame('history_page', {
    items: z.array(timelineItem),
    hasMore: z.boolean(),
    cursor: historyCursor.nullable(),
  }),
  frame('processing_status', { isProcessing: z.boolean() }),
  /**
   * `version`: with `QUEUE_VERSION_CONFLICT`, the queue's present one. `reason`: of a frame that does not
   * fit its schema, which field and why; the `message` of such a one is always the same (spec 2.3).
   */
  frame('error', {
    code: text,
    message: text,
    clientRequestId: text.optional(),
    version: z.int().optional(),
    reason: text.optional(),
  }),
])
export type ServerFrame = z.infer<typeof serverFrame>
export type ServerFrameType = ServerFrame['type']
export type ServerFrameOf<T extends ServerFrameType> = Extract<ServerFrame, { type: T }>
