/**
 * Frames: what clients and the sandbox's socket are told of an event, made from the view of the session
 * before and after it.
 */
import type { SandboxFrame } from '../../subjects/frames-sandbox.ts'
import type { QueuedPrompt, ServerFrame } from '../../subjects/frames-server.ts'
import type { SessionEvent } from '../../subjects/records.ts'
import { sandboxAuthorOf, shownPerson } from './people.ts'
import type { Push } from './pull-requests.ts'
import type { SessionState } from './state.ts'
import type { SessionView, ViewedMessage, ViewedRunning } from './view.ts'

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

/** As programs of the older age look for it (spec 6.4). */
const pullRequestNumber = (metadata: Readonly<Record<string, unknown>> | null) =>
  typeof metadata?.number === 'number' ? { prNumber: metadata.number } : {}

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
    case 'prompt_dropped':
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
      const artifact = { id, type, url, metadata, ...times, ...pullRequestNumber(metadata) }
      return [{ type: 'artifact_created', artifact }]
    }
    case 'artifact_updated': {
      const { artifactId: id, artifactType: type, url, metadata, updatedAtMs: updatedAt } = event
      const artifact = { id, type, url, metadata, updatedAt, ...pullRequestNumber(metadata) }
      return [{ type: 'artifact_updated', artifact }]
    }
    case 'session_branch_changed':
      return [{ type: 'session_branch', branchName: event.branchName }]
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

/** What a push's sandbox is told. Without a token in it the address needs no redaction. */
const pushFrame = (push: Push): SandboxFrame => {
  const { requestId: pushId, branchName, repoOwner, repoName, remoteUrl, force } = push
  const refspec = `HEAD:refs/heads/${branchName}`
  return {
    type: 'push',
    pushId,
    branchName,
    repoOwner,
    repoName,
    pushSpec: {
      remoteUrl,
      redactedRemoteUrl: remoteUrl,
      refspec,
      targetBranch: branchName,
      repoOwner,
      repoName,
      force,
    },
  }
}

/** What the active sandbox socket is told of an event; `after` is the view after it. */
export const sandboxFrames = (after: SessionView, event: SessionEvent): readonly SandboxFrame[] => {
  switch (event.type) {
    case 'prompt_started':
    case 'prompt_announced':
      return after.running?.messageId === event.messageId ? [promptFrame(after.running)] : []
    case 'stop_requested':
      return [{ type: 'stop', messageId: event.messageId }]
    case 'push_requested':
      return event.generation === after.sandbox.generation ? [pushFrame(event)] : []
    case 'push_finished':
      return event.reported
        ? []
        : [{ type: 'push_cancel', pushId: event.requestId, branchName: event.branchName }]
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
  readonly push: SandboxFrame | null
} => ({
  prompt: state.running && !state.running.delivered ? promptFrame(state.running) : null,
  stop: state.stopping !== null,
  stopMessageId: state.stopping?.messageId ?? null,
  push: state.pullRequests.open?.push ? pushFrame(state.pullRequests.open.push) : null,
})
