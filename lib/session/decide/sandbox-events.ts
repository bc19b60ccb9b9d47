/** What a sandbox says about its work (spec 2.8): each event once, in order. */
import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import {
  isKnown,
  type KnownSandboxEvent,
  type OpaqueSandboxEvent,
  parseSandboxEvent,
  type SandboxEvent,
} from '../../../subjects/sandbox-event.ts'
import type { Context } from '../decide.ts'
import { addLine, type Draft } from '../draft.ts'
import { derivedId } from '../ids.ts'
import { MAX_TITLE_CHARS } from '../limits.ts'
import { tokenLineId } from '../lines.ts'
import { refused } from '../requests.ts'
import { progressOf } from './event-progress.ts'
import { failRunning, finishRunning, LOST } from './finish.ts'
import { pushReported } from './pull-request-push.ts'

/** One event on its way: `n` is its place in the command, for ids. */
type Arrival<E extends SandboxEvent = SandboxEvent> = Readonly<{ event: E; n: number }>
type ArrivalOf<T extends KnownSandboxEvent['type']> = Arrival<
  Extract<KnownSandboxEvent, { type: T }>
>

/** The event as people see it: without what only its delivery needed, never without a time. */
const shown = (event: SandboxEvent, context: Context) => {
  const { ackId: _a, run: _r, seq: _s, ...rest } = event
  return { timestamp: context.nowMs / 1000, ...rest }
}

/** The message an event belongs to: the one that it names, else the one that runs. */
const messageOf = (draft: Draft, event: OpaqueSandboxEvent): string | null =>
  event.messageId ?? draft.state.running?.messageId ?? null

const storeAs = (draft: Draft, eventId: string, event: SandboxEvent, context: Context): void =>
  addLine(draft, {
    eventId,
    messageId: messageOf(draft, event),
    atMs: context.nowMs,
    event: shown(event, context),
  })

const store = (draft: Draft, { event, n }: Arrival, context: Context): void =>
  storeAs(draft, derivedId(context, 'event', n), event, context)

/** While a prompt runs nothing times out for inactivity, so only what happens beside one is noted. */
const noteActivity = (draft: Draft, { nowMs }: Context): void => {
  if (!draft.state.running && draft.state.sandbox.lastActivityMs !== nowMs) {
    draft.add({ type: 'sandbox_activity', atMs: nowMs })
  }
}

const toolCall = (draft: Draft, { event }: ArrivalOf<'tool_call'>, context: Context): void => {
  const message = messageOf(draft, event)
  storeAs(draft, `tool_call:${message ?? ''}:${event.callId}`, event, context)
  noteActivity(draft, context)
}

const stepFinish = (draft: Draft, arrival: ArrivalOf<'step_finish'>, context: Context): void => {
  const { cost } = arrival.event
  if (typeof cost === 'number' && Number.isFinite(cost) && cost > 0) {
    draft.add({ type: 'cost_added', cost })
  }
  noteActivity(draft, context)
}

/** Ends the running prompt, or confirms a stop; of a prompt that is over it is no news. */
const executionComplete = (
  draft: Draft,
  { event }: ArrivalOf<'execution_complete'>,
  context: Context,
): void => {
  const { running, stopping, sandbox } = draft.state
  if (event.ackId === undefined && event.run === undefined && !sandbox.forgets) {
    draft.add({ type: 'sandbox_forgets', generation: sandbox.generation })
  }
  if (running && (event.messageId ?? running.messageId) === running.messageId) {
    const { messageId } = running
    finishRunning(draft, event, { ...shown(event, context), messageId }, context)
  } else if (stopping && (event.messageId ?? stopping.messageId) === stopping.messageId) {
    draft.add({ type: 'stop_confirmed', messageId: stopping.messageId })
  }
}

const gitSync = (draft: Draft, arrival: ArrivalOf<'git_sync'>, context: Context): void => {
  const { status, sha } = arrival.event
  draft.add({ type: 'sandbox_git_sync', status, sha: sha ?? null })
  if (sha && sha !== draft.state.currentSha) draft.add({ type: 'session_sha_changed', sha })
  store(draft, arrival, context)
}

const artifact = (draft: Draft, arrival: ArrivalOf<'artifact'>, context: Context): void => {
  const { artifactId, artifactType, url, metadata } = arrival.event
  draft.add({
    type: 'artifact_created',
    artifactId: artifactId ?? derivedId(context, 'artifact', arrival.n),
    artifactType,
    url: url ?? null,
    metadata: metadata ?? null,
    createdAtMs: context.nowMs,
  })
  store(draft, arrival, context)
  noteActivity(draft, context)
}

/** A person's title is never replaced, nor what the agent said before; one made from a prompt is. */
const sessionTitle = (draft: Draft, { event }: ArrivalOf<'session_title'>): void => {
  const title = event.title.trim().slice(0, MAX_TITLE_CHARS)
  const { state } = draft
  if (title && (!state.title || state.titleIsProvisional))
    draft.add({ type: 'session_title_changed', title })
}

/**
 * The original's first program loses its run when its socket drops, without a word (spec 2.9). Its
 * `ready` cannot be told from that of a newer one, which goes on running; but what ended a run without
 * an id before is such a program. Until then a lost run is left to the execution watchdog.
 */
const endForgotten = (draft: Draft, context: Context): void => {
  const { running, sandbox } = draft.state
  if (!sandbox.forgets || !running?.delivered) return
  if (running.startedAtMs < (sandbox.connectedAtMs ?? 0)) failRunning(draft, LOST, context)
}

const bridgeReady = (draft: Draft, arrival: ArrivalOf<'ready'>, context: Context): void => {
  draft.add({
    type: 'sandbox_bridge_ready',
    generation: draft.state.sandbox.generation,
    agentSessionId: arrival.event.opencodeSessionId ?? null,
    dedupes: arrival.event.dedupes === true,
  })
  endForgotten(draft, context)
  store(draft, arrival, context)
}

const push = (
  draft: Draft,
  arrival: ArrivalOf<'push_complete' | 'push_error'>,
  context: Context,
): void => {
  store(draft, arrival, context)
  pushReported(draft, arrival.event, context)
}

type Taker<E extends SandboxEvent> = (draft: Draft, arrival: Arrival<E>, context: Context) => void

/** Soft state and growing text never come this way by themselves. */
const ignore = (): void => undefined

const TAKERS: {
  readonly [T in KnownSandboxEvent['type']]: Taker<Extract<KnownSandboxEvent, { type: T }>>
} = {
  ready: bridgeReady,
  heartbeat: ignore,
  token: ignore,
  tool_call: toolCall,
  tool_result: store,
  step_start: (draft, _, context) => noteActivity(draft, context),
  step_finish: stepFinish,
  error: store,
  execution_complete: executionComplete,
  git_sync: gitSync,
  artifact,
  push_complete: push,
  push_error: push,
  snapshot_ready: store,
  warning: store,
  session_title: sessionTitle,
  // Stored, it seals the text before it: see `evolve`.
  context_compacted: store,
}

const take: Taker<SandboxEvent> = (draft, arrival, context) => {
  const { event } = arrival
  const taker = isKnown(event) ? (TAKERS[event.type] as Taker<SandboxEvent>) : store
  taker(draft, arrival, context)
}

const storeText = (
  draft: Draft,
  text: NonNullable<CommandOf<'sandbox_events'>['text']>,
  context: Context,
): void => {
  const { messageId, content } = text
  const timestamp = text.timestamp ?? context.nowMs / 1000
  addLine(draft, {
    eventId: tokenLineId(draft.state.lines, messageId),
    messageId,
    atMs: context.nowMs,
    event: { type: 'token', messageId, content, timestamp },
  })
}

/**
 * Takes in what a sandbox says. An event that is numbered or carries an `ackId` is taken in once; a
 * malformed one is dropped, and counts as taken in, because it would be malformed again.
 */
export const sandboxEvents = (
  draft: Draft,
  command: CommandOf<'sandbox_events'>,
  context: Context,
): Reply => {
  const { generation } = draft.state.sandbox
  if (command.generation !== generation || generation === 0) return refused('SANDBOX_GONE')
  if (command.text) storeText(draft, command.text, context)
  const progress = progressOf(draft.state.sandbox)
  command.events.forEach((candidate, n) => {
    if (!progress.isNew(candidate)) return
    const parsed = parseSandboxEvent(candidate)
    if (parsed.ok) take(draft, { event: parsed.event, n }, context)
  })
  draft.add(...progress.events(generation))
  return { ok: true }
}
