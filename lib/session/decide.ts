import type { SessionCommand } from '../../subjects/commands.ts'
import type { SessionEvent } from '../../subjects/records.ts'
import type { Reply } from '../../subjects/replies.ts'
import type { Policy } from './policy.ts'
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

export type Decision = Readonly<{ events: readonly SessionEvent[]; reply: Reply }>

export declare const decide: (
  state: SessionState,
  command: SessionCommand,
  context: Context,
) => Decision
