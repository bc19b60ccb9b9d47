/**
 * What a sandbox says (spec 2.8). Known types are checked strictly in the fields that we act on,
 * and let pass what they carry besides; an unknown type is kept as an opaque event. `timestamp` is
 * epoch *seconds* as a float, unlike everything else here.
 */
import { z } from 'zod'
import { EVENT_LEVELS, isDeeper } from './validation.ts'

/** On every event. `seq` is ours: counts 1, 2, 3 … per `run` of a bridge, for exactly-once. */
const common = {
  sandboxId: z.string().max(256).optional(),
  timestamp: z.number().optional(),
  /** Critical events are kept by the sandbox until an `ack` with this id arrives. */
  ackId: z.string().min(1).max(256).optional(),
  run: z.string().min(1).max(64).optional(),
  seq: z.int().positive().optional(),
}

const messageId = z.string().min(1).max(128)
const optionalMessageId = messageId.nullish()

/** First event after each connect. `dedupes: true`: a prompt sent twice is run once. */
const ready = z.looseObject({
  type: z.literal('ready'),
  ...common,
  opencodeSessionId: z.string().nullish(),
  dedupes: z.boolean().optional(),
})
const heartbeat = z.looseObject({ type: z.literal('heartbeat'), ...common })
/** `content` is the whole text of the message so far, never a delta. */
const token = z.looseObject({
  type: z.literal('token'),
  ...common,
  messageId: optionalMessageId,
  content: z.string(),
})
const toolCall = z.looseObject({
  type: z.literal('tool_call'),
  ...common,
  messageId: optionalMessageId,
  tool: z.string(),
  args: z.unknown().optional(),
  callId: z.string().min(1).max(256),
  status: z.string().nullish(),
  output: z.unknown().optional(),
})
const toolResult = z.looseObject({
  type: z.literal('tool_result'),
  ...common,
  messageId: optionalMessageId,
  callId: z.string().max(256),
})
const stepStart = z.looseObject({
  type: z.literal('step_start'),
  ...common,
  messageId: optionalMessageId,
})
const stepFinish = z.looseObject({
  type: z.literal('step_finish'),
  ...common,
  messageId: optionalMessageId,
  cost: z.unknown().optional(),
})
const error = z.looseObject({
  type: z.literal('error'),
  ...common,
  messageId: optionalMessageId,
  error: z.string(),
})
const executionComplete = z.looseObject({
  type: z.literal('execution_complete'),
  ...common,
  messageId: optionalMessageId,
  success: z.boolean(),
  error: z.string().nullish(),
})
const gitSync = z.looseObject({
  type: z.literal('git_sync'),
  ...common,
  status: z.enum(['pending', 'in_progress', 'completed', 'failed']),
  sha: z.string().max(128).nullish(),
})
const artifact = z.looseObject({
  type: z.literal('artifact'),
  ...common,
  artifactType: z.string().min(1).max(64),
  url: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  artifactId: z.string().max(128).nullish(),
  messageId: optionalMessageId,
})
/** Which push it is about: the id that its frame had, or only the branch, or nothing. */
const ofPush = {
  pushId: z.string().max(128).nullish(),
  branchName: z.string().nullish(),
  repoOwner: z.string().nullish(),
  repoName: z.string().nullish(),
}
const pushComplete = z.looseObject({ type: z.literal('push_complete'), ...common, ...ofPush })
/** Git repeats the address it was given, which may hold a token of the sandbox's own. */
export const withoutCredentials = (text: string): string =>
  text.replace(/\b([a-z][a-z+.-]*:\/\/)[^\s/@]+@/gi, '$1')
const pushError = z.looseObject({
  type: z.literal('push_error'),
  ...common,
  ...ofPush,
  error: z.string().transform(withoutCredentials),
})
const snapshotReady = z.looseObject({
  type: z.literal('snapshot_ready'),
  ...common,
  opencodeSessionId: z.string().nullish(),
})
const warning = z.looseObject({
  type: z.literal('warning'),
  ...common,
  scope: z.string().max(64).optional(),
  message: z.string(),
})
const sessionTitle = z.looseObject({
  type: z.literal('session_title'),
  ...common,
  title: z.string(),
})
const contextCompacted = z.looseObject({
  type: z.literal('context_compacted'),
  ...common,
  messageId: optionalMessageId,
})

/** The types that we know, without those that a sandbox may not send at all. */
export const knownSandboxEvent = z.discriminatedUnion('type', [
  ready,
  heartbeat,
  token,
  toolCall,
  toolResult,
  stepStart,
  stepFinish,
  error,
  executionComplete,
  gitSync,
  artifact,
  pushComplete,
  pushError,
  snapshotReady,
  warning,
  sessionTitle,
  contextCompacted,
])
export type KnownSandboxEvent = z.infer<typeof knownSandboxEvent>

/** A type that we do not know: kept and passed on as it is. */
export const opaqueSandboxEvent = z.looseObject({
  type: z.string().min(1).max(64),
  ...common,
  messageId: optionalMessageId,
})
export type OpaqueSandboxEvent = z.infer<typeof opaqueSandboxEvent>
export type SandboxEvent = KnownSandboxEvent | OpaqueSandboxEvent

const KNOWN = new Set<string>(
  knownSandboxEvent.options.map(option => option.shape.type.value as string),
)

/** True for a type with a schema of its own; narrows a union that also holds opaque events. */
export const isKnown = (event: SandboxEvent): event is KnownSandboxEvent => KNOWN.has(event.type)

/** Types that only the control plane makes; a sandbox that sends one is refused. */
export const RESERVED_EVENT_TYPES: ReadonlySet<string> = new Set(['user_message'])

/** Parses one event of a sandbox: a known type strictly, an unknown one as opaque. */
export const parseSandboxEvent = (
  value: unknown,
): { ok: true; event: SandboxEvent } | { ok: false; reason: string } => {
  if (isDeeper(value, EVENT_LEVELS)) {
    return { ok: false, reason: `nested more than ${EVENT_LEVELS} levels deep` }
  }
  const base = opaqueSandboxEvent.safeParse(value)
  if (!base.success) return { ok: false, reason: z.prettifyError(base.error) }
  if (RESERVED_EVENT_TYPES.has(base.data.type)) {
    return { ok: false, reason: `a sandbox may not send ${base.data.type}` }
  }
  if (!KNOWN.has(base.data.type)) return { ok: true, event: base.data }
  const known = knownSandboxEvent.safeParse(value)
  return known.success
    ? { ok: true, event: known.data }
    : { ok: false, reason: z.prettifyError(known.error) }
}
