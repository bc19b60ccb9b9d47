/**
 * Commands: everything that can change a session, in one inbox (`cmd.<sid>`). A public interface:
 * any NATS client may write one. JSON, UTF-8; the time of a command is the time at which the stream
 * stored it. A command with a `clientRequestId` may be sent again with the same id, and gets the
 * same answer without a second effect.
 */
import { z } from 'zod'
import { actor, requestId, text } from './actor.ts'
import { pullRequestCommands } from './pull-request-commands.ts'
import { participantRole } from './roles.ts'
import { sandboxCommands } from './sandbox-commands.ts'
import { COMMAND_LEVELS, isDeeper } from './validation.ts'

export { type Actor, actor, requestId } from './actor.ts'

/** Above this no text is taken in at all; the configured limit is lower and decided in the core. */
export const WIRE_TEXT_MAX = 262_144

const version = { v: z.literal(1) }
export const PROMPT_SOURCES = [
  'web',
  'slack',
  'extension',
  'github',
  'linear',
  'automation',
  'agent',
] as const

export const attachment = z.looseObject({ name: text.max(255).optional() })

/** Opens a session. Idempotent by the session's id. `repoOwner`/`repoName` in lower case. */
export const createSession = z.strictObject({
  ...version,
  type: z.literal('create_session'),
  clientRequestId: requestId.optional(),
  title: text.max(200).nullish(),
  repoOwner: text.min(1).max(128),
  repoName: text.min(1).max(128),
  baseBranch: text.max(255).nullish(),
  model: text.min(1).max(128),
  reasoningEffort: text.max(32).nullish(),
  owner: actor,
})

/** Ask that a prompt join the session's queue. `authorId` is a user id; an unknown one joins. */
export const prompt = z.strictObject({
  ...version,
  type: z.literal('prompt'),
  clientRequestId: requestId.optional(),
  content: text.max(WIRE_TEXT_MAX),
  authorId: text.min(1).max(256),
  source: z.enum(PROMPT_SOURCES).default('web'),
  model: text.min(1).max(128).nullish(),
  reasoningEffort: text.max(32).nullish(),
  attachments: z.array(attachment).max(6).nullish(),
  callbackContext: z.record(z.string(), z.unknown()).nullish(),
  /** What is known of the author besides the id. */
  author: actor.omit({ userId: true }).nullish(),
})

/** Stop what runs. With `messageId`, only if that is what runs. */
export const stop = z.strictObject({
  ...version,
  type: z.literal('stop'),
  clientRequestId: requestId.optional(),
  messageId: text.max(128).nullish(),
  userId: text.max(256).nullish(),
})

/** Who asks for a change: the user id of a verified caller. */
const byUser = text.min(1).max(256)
const messageId = text.min(1).max(128)
/** On whose word: an internal service's (the default), the developer's, or a signed-in person's own. */
export const AUTHORITIES = ['service', 'developer', 'person'] as const
const authority = z.enum(AUTHORITIES).optional()
/** Common to all changes of the queue and of the session by a person. */
const change = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.strictObject({
    ...version,
    type: z.literal(type),
    clientRequestId: requestId.optional(),
    userId: byUser,
    ...shape,
  })
/** The queue's version that the sender saw; another one is refused with the present one. */
const seenVersion = z.int().nonnegative()

/** Take a waiting prompt out of the queue. */
export const cancelPrompt = change('cancel_prompt', { messageId })
/** Replace the text of a waiting prompt. */
export const editPrompt = change('edit_prompt', {
  messageId,
  content: text.max(WIRE_TEXT_MAX),
  version: seenVersion,
})
/** Put a waiting prompt before another one; `null`: at the end. */
export const movePrompt = change('move_prompt', {
  messageId,
  before: messageId.nullable(),
  version: seenVersion,
})
/** Start nothing more until released; what runs goes on. */
export const holdQueue = change('hold_queue', {})
export const releaseQueue = change('release_queue', {})

/** 1 … 200 characters after trimming, decided in the core. */
export const setTitle = change('set_title', { title: text.max(4000) })
export const archiveSession = change('archive_session', { authority })
export const unarchiveSession = change('unarchive_session', { authority })
/** Ends all work of the session at once; it takes no more. */
export const cancelSession = change('cancel_session', { authority })
/** For good: afterwards the session is unknown. */
export const deleteSession = z.strictObject({
  ...version,
  type: z.literal('delete_session'),
  clientRequestId: requestId.optional(),
  userId: byUser.nullish(),
  authority,
})
/** Adds a participant, or changes what is known of one (by user id). */
export const addParticipant = z.strictObject({
  ...version,
  type: z.literal('add_participant'),
  clientRequestId: requestId.optional(),
  user: actor,
  /** Absent: `member` for a new one, unchanged for a known one. */
  role: participantRole.nullish(),
  authority,
})

/** Get a sandbox ready, because a prompt is likely to come. */
export const warm = z.strictObject({
  ...version,
  type: z.literal('warm'),
  reason: z.enum(['typing', 'request']),
  userId: text.max(256).nullish(),
})

/** Lets a user join with a token of which only the hash is sent (SHA-256, lower-case hex). */
export const issueWsToken = z.strictObject({
  ...version,
  type: z.literal('issue_ws_token'),
  clientRequestId: requestId.optional(),
  user: actor,
  tokenHash: z.string().regex(/^[0-9a-f]{64}$/),
})

/** A deadline of the state has passed. `atMs` tells whether it is still the one that was set. */
export const deadline = z.strictObject({
  ...version,
  type: z.literal('deadline'),
  name: z.string().min(1).max(32),
  atMs: z.int(),
})

export const command = z
  .discriminatedUnion('type', [
    createSession,
    prompt,
    stop,
    cancelPrompt,
    editPrompt,
    movePrompt,
    holdQueue,
    releaseQueue,
    setTitle,
    archiveSession,
    unarchiveSession,
    cancelSession,
    deleteSession,
    addParticipant,
    warm,
    issueWsToken,
    ...sandboxCommands,
    ...pullRequestCommands,
    deadline,
  ])
  .refine(
    value => !isDeeper(value, COMMAND_LEVELS),
    `Nested more than ${COMMAND_LEVELS} levels deep`,
  )
/** A parsed command: defaults are filled in. */
export type SessionCommand = z.output<typeof command>
/** A command as it may be written. */
export type CommandInput = z.input<typeof command>
export type CommandType = SessionCommand['type']
export type CommandOf<T extends CommandType> = Extract<SessionCommand, { type: T }>
