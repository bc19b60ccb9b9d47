/**
 * What an edge keeps of a session: enough to make the frames of clients and sandbox from records, and
 * no more. Plain JSON; it travels in the answer to `join`. It holds no token, no hash and no callback
 * context; a prompt's author is in it because the sandbox is told.
 */
import type { SandboxFrame } from '../../subjects/frames-sandbox.ts'
import type { QueuedPrompt, ServerFrame } from '../../subjects/frames-server.ts'
import type {
  PromptAuthor,
  SandboxStatus,
  SessionEvent,
  SessionStatus,
} from '../../subjects/records.ts'
import { evolveQueue } from './evolve/work.ts'
import { sandboxAuthorOf, shownPerson } from './people.ts'
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

/** The unfinished prompts as clients see them, the running one first. */
export const promptQueueOf = (view: SessionView): QueuedPrompt[] => {
  const shown = (message: ViewedMessage, status: QueuedPrompt['status']): QueuedPrompt => {
    const { messageId, participantId, content, source, queuedAtMs } = message
    const author = view.participants.find(one => one.participantId === participantId)
    return {
      messageId,
      content,
      status,
      source,
      author: author
        ? shownPerson(author)
        : { participantId, userId: participantId, name: 'Unknown' },
      createdAt: queuedAtMs,
    }
  }
  const waiting = view.queue.map(message => shown(message, 'pending'))
  return view.running ? [shown(view.running, 'processing'), ...waiting] : waiting
}

const queueFrame = (view: SessionView): ServerFrame => ({
  type: 'prompt_queue_updated',
  promptQueue: promptQueueOf(view),
  version: view.queueVersion,
  held: view.held,
})

/** What clients are told of an event; `after` is the view after it. */
export const clientFrames = (
  _before: SessionView,
  after: SessionView,
  event: SessionEvent,
): readonly ServerFrame[] => {
  switch (event.type) {
    case 'session_status_changed':
      return [{ type: 'session_status', status: event.status }]
    case 'session_title_changed':
      return [{ type: 'session_title', title: event.title }]
    case 'prompt_queued':
    case 'prompt_cancelled':
    case 'prompt_edited':
    case 'prompt_moved':
    case 'queue_held':
    case 'queue_released':
      return [queueFrame(after)]
    case 'prompt_started':
      return [queueFrame(after), { type: 'processing_status', isProcessing: true }]
    case 'prompt_finished':
      return [queueFrame(after), { type: 'processing_status', isProcessing: false }]
    case 'sandbox_status_changed': {
      const { status, reason } = event
      return [{ type: 'sandbox_status', status, ...(reason === null ? {} : { reason }) }]
    }
    case 'sandbox_spawning':
      return [{ type: 'sandbox_spawning' }]
    case 'sandbox_warming':
      return [{ type: 'sandbox_warming' }]
    case 'sandbox_error':
      return [{ type: 'sandbox_error', error: event.error }]
    case 'sandbox_warning':
      return [{ type: 'sandbox_warning', message: event.message }]
    case 'sandbox_restored':
      return [{ type: 'sandbox_restored', message: event.message }]
    case 'snapshot_saved':
      return [{ type: 'snapshot_saved', imageId: event.imageId, reason: event.reason }]
    case 'timeline': {
      const { eventId, sequence, position } = event
      return [
        {
          type: 'sandbox_event',
          event: event.event,
          eventId,
          sequence,
          timelineSequence: position,
        },
      ]
    }
    case 'artifact_created': {
      const { artifactId: id, artifactType: type, url, metadata, createdAtMs } = event
      const times = { createdAt: createdAtMs, updatedAt: createdAtMs }
      return [{ type: 'artifact_created', artifact: { id, type, url, metadata, ...times } }]
    }
    default:
      return []
  }
}

const promptFrame = (running: ViewedRunning): SandboxFrame => ({
  type: 'prompt',
  messageId: running.messageId,
  content: running.content,
  model: running.model,
  author: sandboxAuthorOf(running.author),
  ...(running.reasoningEffort === null ? {} : { reasoningEffort: running.reasoningEffort }),
  ...(running.attachments ? { attachments: [...running.attachments] } : {}),
})

/** What the active sandbox socket is told of an event; `after` is the view after it. */
export const sandboxFrames = (after: SessionView, event: SessionEvent): readonly SandboxFrame[] => {
  switch (event.type) {
    case 'prompt_started':
    case 'prompt_announced':
      return after.running?.messageId === event.messageId ? [promptFrame(after.running)] : []
    case 'stop_requested':
      return [{ type: 'stop', messageId: event.messageId }]
    case 'sandbox_shutdown':
      return event.generation === after.sandbox.generation ? [{ type: 'shutdown' }] : []
    case 'session_deleted':
      return [{ type: 'shutdown' }]
    default:
      return []
  }
}

/** What a sandbox that has just connected has to be told: it may have missed it, or never got it. */
export const outstandingFor = (
  state: SessionState,
): {
  readonly prompt: SandboxFrame | null
  readonly stop: boolean
  readonly stopMessageId: string | null
} => ({
  prompt: state.running && !state.running.delivered ? promptFrame(state.running) : null,
  stop: state.stopping !== null,
  stopMessageId: state.stopping?.messageId ?? null,
})
