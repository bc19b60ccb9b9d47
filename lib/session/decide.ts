/**
 * The decider: the only place in the system where it is determined what a command means for a
 * session. Pure: no clock, no randomness, no I/O, and it never throws; the same command on the same
 * state decides the same, which is what makes a redelivery and a takeover harmless. It must not know
 * streams, sockets or processes. It cannot die; whoever calls it can, and calls it again.
 */
import type { SessionCommand } from '../../subjects/commands.ts'
import type { SessionEvent } from '../../subjects/records.ts'
import type { Reply } from '../../subjects/replies.ts'
import { advance } from './decide/advance.ts'
import { createSession } from './decide/create-session.ts'
import { deadline } from './decide/deadline.ts'
import { prompt, refusePrompt } from './decide/prompt.ts'
import { sandboxEvents } from './decide/sandbox-events.ts'
import {
  promptDelivered,
  sandboxConnected,
  sandboxDisconnected,
  sandboxExited,
  sandboxSpawned,
  sandboxSpawnFailed,
} from './decide/sandbox-lifecycle.ts'
import { stop } from './decide/stop.ts'
import { warm } from './decide/warm.ts'
import { issueWsToken } from './decide/ws-token.ts'
import { type Draft, draftOf } from './draft.ts'
import type { Policy } from './policy.ts'
import { refused, repeatedReply } from './requests.ts'
import type { SessionState } from './state.ts'

/** What the owner has seen of a session's soft state, in memory. */
export type Observed = Readonly<{
  /** Since when it watches: nobody is declared dead because the owner changed. */
  sinceMs: number
  /** The newest heartbeat of the present generation, or null. */
  lastHeartbeatMs: number | null
  /** Authenticated client sockets on all edges. */
  clients: number
}>

/** Everything a decision may depend on besides state and command. */
export type Context = Readonly<{
  sid: string
  /** When the command was stored, in milliseconds since the epoch. */
  nowMs: number
  /** Sequence of the command in CMD; ids are derived from it. */
  commandSequence: number
  policy: Policy
  /** SHA-256 (hex) of the token that the sandbox of a generation will present. */
  sandboxTokenHash: (generation: number) => string
  observed: Observed
}>

/** No events: nothing changes, and no record is written. */
export type Decision = Readonly<{ events: readonly SessionEvent[]; reply: Reply }>

const answer = (draft: Draft, command: SessionCommand, context: Context): Reply => {
  switch (command.type) {
    case 'create_session':
      return createSession(draft, command, context)
    case 'prompt':
      return prompt(draft, command, context)
    case 'stop':
      return stop(draft, command, context)
    case 'warm':
      return warm(draft, command, context)
    case 'issue_ws_token':
      return issueWsToken(draft, command, context)
    case 'sandbox_connected':
      return sandboxConnected(draft, command, context)
    case 'sandbox_disconnected':
      return sandboxDisconnected(draft, command, context)
    case 'sandbox_events':
      return sandboxEvents(draft, command, context)
    case 'prompt_delivered':
      return promptDelivered(draft, command)
    case 'sandbox_spawned':
      return sandboxSpawned(draft, command, context)
    case 'sandbox_spawn_failed':
      return sandboxSpawnFailed(draft, command, context)
    case 'sandbox_exited':
      return sandboxExited(draft, command, context)
    case 'deadline':
      return deadline(draft, command, context)
  }
}

/**
 * Decides what a command means. The reply is for whoever asked; the events, in order, are what
 * happened. A refused prompt is an event too, so that it is in the history.
 */
export const decide = (
  state: SessionState,
  command: SessionCommand,
  context: Context,
): Decision => {
  if (!state.exists && command.type !== 'create_session') {
    return { events: [], reply: refused('SESSION_NOT_FOUND') }
  }
  const draft = draftOf(state)
  const repeated = repeatedReply(state, command)
  if (repeated) {
    if (command.type === 'prompt') refusePrompt(draft, command, repeated)
    return { events: draft.events, reply: repeated }
  }
  // A deadline is due when it fires, even if the server's scheduler was a little early.
  const nowMs = command.type === 'deadline' ? Math.max(context.nowMs, command.atMs) : context.nowMs
  const at = { ...context, nowMs }
  const reply = answer(draft, command, at)
  advance(draft, at, command.type === 'prompt' && reply.ok ? 'person' : 'queue')
  return { events: draft.events, reply }
}
