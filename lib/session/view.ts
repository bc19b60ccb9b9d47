/**
 * What an edge keeps of a session: enough to make the frames of clients and sandbox (frames.ts) from
 * records, and no more. Plain JSON; it travels in the answer to `join`. It holds no token, no hash and no callback
 * context; a prompt's author is in it because the sandbox is told.
 */
import type {
  PromptAuthor,
  SandboxStatus,
  SessionEvent,
  SessionStatus,
} from '../../subjects/records.ts'
import { evolveQueue } from './evolve/work.ts'
import { initialState, type SessionState } from './state.ts'

export type ViewedMessage = Readonly<{
  messageId: string
  participantId: string
  content: string
  source: string
  queuedAtMs: number
}>

export type ViewedParticipant = Readonly<{
  participantId: string
  userId: string
  login: string | null
  name: string | null
}>

/** The running prompt, as far as a sandbox is told of it. */
export type ViewedRunning = ViewedMessage &
  Readonly<{
    model: string
    reasoningEffort: string | null
    attachments: readonly unknown[] | null
    author: PromptAuthor
    delivered: boolean
  }>

export type SessionView = Readonly<{
  id: string
  status: SessionStatus
  /** Gone for good: nobody may stay in it or come back. */
  deleted: boolean
  /** Sequence of the last timeline line. */
  sequence: number
  participants: readonly ViewedParticipant[]
  queueVersion: number
  queue: readonly ViewedMessage[]
  held: boolean
  running: ViewedRunning | null
  /** The message whose stop the sandbox has not confirmed. */
  stopping: string | null
  sandbox: Readonly<{ generation: number; connectionId: string | null; status: SandboxStatus }>
}>

const messageOf = ({
  messageId,
  participantId,
  content,
  source,
  queuedAtMs,
}: ViewedMessage): ViewedMessage => ({ messageId, participantId, content, source, queuedAtMs })

const runningOf = (running: ViewedRunning): ViewedRunning => ({
  ...messageOf(running),
  model: running.model,
  reasoningEffort: running.reasoningEffort,
  attachments: running.attachments,
  author: running.author,
  delivered: running.delivered,
})

const participantOf = ({
  participantId,
  userId,
  login,
  name,
}: ViewedParticipant): ViewedParticipant => ({ participantId, userId, login, name })

/** The view of a state. */
export const viewOf = (state: SessionState): SessionView => ({
  id: state.id,
  status: state.status,
  deleted: state.deleted,
  sequence: state.sequence,
  participants: state.participants.map(participantOf),
  queueVersion: state.queueVersion,
  queue: state.queue.map(messageOf),
  held: state.held,
  running: state.running && runningOf(state.running),
  stopping: state.stopping?.messageId ?? null,
  sandbox: {
    generation: state.sandbox.generation,
    connectionId: state.sandbox.connectionId,
    status: state.sandbox.status,
  },
})

/** The view after an event; equals `viewOf` of the state after it. */
export const evolveView = (view: SessionView, event: SessionEvent): SessionView => {
  switch (event.type) {
    case 'session_created':
      return { ...view, id: event.sessionId, status: 'created' }
    case 'session_status_changed':
      return { ...view, status: event.status }
    case 'session_deleted':
      return viewOf({ ...initialState, deleted: true })
    case 'participant_joined':
      return { ...view, participants: [...view.participants, participantOf(event)] }
    case 'participant_updated':
      return {
        ...view,
        participants: view.participants.map(one =>
          one.participantId === event.participantId ? participantOf(event) : one,
        ),
      }
    case 'prompt_queued':
      return {
        ...view,
        queueVersion: view.queueVersion + 1,
        queue: [...view.queue, messageOf(event)],
      }
    case 'prompt_cancelled':
    case 'prompt_dropped':
    case 'prompt_edited':
    case 'prompt_moved':
      return {
        ...view,
        queueVersion: view.queueVersion + 1,
        queue: evolveQueue(view.queue, event),
      }
    case 'queue_held':
    case 'queue_released':
      return { ...view, queueVersion: view.queueVersion + 1, held: event.type === 'queue_held' }
    case 'prompt_started': {
      const queued = view.queue.find(one => one.messageId === event.messageId)
      return {
        ...view,
        queueVersion: view.queueVersion + 1,
        queue: view.queue.filter(one => one !== queued),
        running: runningOf({
          ...event,
          participantId: event.author.participantId,
          source: queued?.source ?? 'web',
          queuedAtMs: queued?.queuedAtMs ?? event.startedAtMs,
          delivered: false,
        }),
      }
    }
    case 'prompt_delivered':
      return { ...view, running: view.running && { ...view.running, delivered: true } }
    case 'prompt_finished':
      return { ...view, queueVersion: view.queueVersion + 1, running: null }
    case 'stop_requested':
      return { ...view, stopping: event.messageId }
    case 'stop_confirmed':
    case 'stop_expired':
      return { ...view, stopping: null }
    case 'sandbox_requested':
      return {
        ...view,
        sandbox: { generation: event.generation, connectionId: null, status: 'pending' },
      }
    case 'sandbox_status_changed':
      return { ...view, sandbox: { ...view.sandbox, status: event.status } }
    case 'sandbox_connected':
      return { ...view, sandbox: { ...view.sandbox, connectionId: event.connectionId } }
    case 'sandbox_disconnected':
      return { ...view, sandbox: { ...view.sandbox, connectionId: null } }
    case 'timeline':
      return { ...view, sequence: event.sequence }
    default:
      return view
  }
}
