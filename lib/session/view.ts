/**
 * What an edge keeps of a session: enough to make the frames of clients and sandbox from records, and
 * no more. Plain JSON; it travels in the answer to `join`. It holds no token, no hash and no callback
 * context; a prompt's author is in it because the sandbox is told.
 */
import type { SandboxFrame } from '../../subjects/frames-sandbox.ts'
import type { ServerFrame } from '../../subjects/frames-server.ts'
import type {
  PromptAuthor,
  SandboxStatus,
  SessionEvent,
  SessionStatus,
} from '../../subjects/records.ts'
import type { SessionState } from './state.ts'

export type ViewedMessage = Readonly<{
  messageId: string
  participantId: string
  content: string
  source: string
  queuedAtMs: number
}>

export type SessionView = Readonly<{
  id: string
  status: SessionStatus
  /** Sequence of the last timeline line. */
  sequence: number
  participants: readonly Readonly<{
    participantId: string
    userId: string
    login: string | null
    name: string | null
  }>[]
  queueVersion: number
  queue: readonly ViewedMessage[]
  running:
    | (ViewedMessage &
        Readonly<{
          model: string
          reasoningEffort: string | null
          attachments: readonly unknown[] | null
          author: PromptAuthor
          delivered: boolean
        }>)
    | null
  /** The message whose stop the sandbox has not confirmed. */
  stopping: string | null
  sandbox: Readonly<{ generation: number; connectionId: string | null; status: SandboxStatus }>
}>

/** The view of a state. */
export declare const viewOf: (state: SessionState) => SessionView
/** The view after an event; equals `viewOf` of the state after it. */
export declare const evolveView: (view: SessionView, event: SessionEvent) => SessionView
/** What clients are told of an event. */
export declare const clientFrames: (
  before: SessionView,
  after: SessionView,
  event: SessionEvent,
) => readonly ServerFrame[]
/** What the active sandbox socket is told of an event. */
export declare const sandboxFrames: (
  after: SessionView,
  event: SessionEvent,
) => readonly SandboxFrame[]
/** What a sandbox that has just connected has to be told. */
export declare const outstandingFor: (state: SessionState) => {
  prompt: SandboxFrame | null
  stop: boolean
}
