import type { SessionEventOf } from '../../../subjects/records.ts'
import { nextPrompt } from '../lines.ts'
import type { SessionState } from '../state.ts'

type WorkEvent = SessionEventOf<
  | 'prompt_queued'
  | 'prompt_started'
  | 'prompt_announced'
  | 'prompt_delivered'
  | 'prompt_finished'
  | 'prompt_dropped'
  | 'stop_requested'
  | 'stop_confirmed'
  | 'stop_expired'
  | 'prompt_cancelled'
  | 'prompt_edited'
  | 'prompt_moved'
  | 'queue_held'
  | 'queue_released'
>

const place = <M extends { readonly messageId: string }>(
  queue: readonly M[],
  message: M,
  before: string | null,
): readonly M[] => {
  const others = queue.filter(one => one !== message)
  const index = others.findIndex(one => one.messageId === before)
  return index < 0 ? [...others, message] : others.toSpliced(index, 0, message)
}

/** The waiting prompts after one of them was taken out, edited or moved; a view's as well. */
export const evolveQueue = <M extends { readonly messageId: string; readonly content: string }>(
  queue: readonly M[],
  event: SessionEventOf<'prompt_cancelled' | 'prompt_dropped' | 'prompt_edited' | 'prompt_moved'>,
): readonly M[] => {
  const message = queue.find(one => one.messageId === event.messageId)
  if (!message) return queue
  switch (event.type) {
    case 'prompt_cancelled':
    case 'prompt_dropped':
      return queue.filter(one => one !== message)
    case 'prompt_edited':
      return queue.map(one => (one === message ? { ...one, content: event.content } : one))
    case 'prompt_moved':
      return place(queue, message, event.before)
  }
}

/** The state after an event of queue, running prompt or stop. */
export const evolveWork = (state: SessionState, event: WorkEvent): SessionState => {
  switch (event.type) {
    case 'prompt_queued': {
      const { type: _, ...message } = event
      return {
        ...state,
        queue: [...state.queue, message],
        queueVersion: state.queueVersion + 1,
        messageCount: state.messageCount + 1,
      }
    }
    case 'prompt_started': {
      const { type: _, ...started } = event
      const queued = state.queue.find(one => one.messageId === event.messageId)
      return {
        ...state,
        queue: state.queue.filter(one => one !== queued),
        queueVersion: state.queueVersion + 1,
        running: {
          ...started,
          participantId: event.author.participantId,
          source: queued?.source ?? 'web',
          queuedAtMs: queued?.queuedAtMs ?? event.startedAtMs,
          callbackContext: queued?.callbackContext ?? null,
          delivered: false,
          attempt: 0,
        },
        lines: nextPrompt(state.lines),
        sandbox: {
          ...state.sandbox,
          lastActivityMs: event.startedAtMs,
          unsaved: true,
          snapshot: null,
        },
      }
    }
    case 'prompt_cancelled':
    case 'prompt_dropped':
    case 'prompt_edited':
    case 'prompt_moved':
      return {
        ...state,
        queue: evolveQueue(state.queue, event),
        queueVersion: state.queueVersion + 1,
        messageCount: state.messageCount - (event.type === 'prompt_cancelled' ? 1 : 0),
      }
    case 'queue_held':
    case 'queue_released':
      return {
        ...state,
        held: event.type === 'queue_held',
        queueVersion: state.queueVersion + 1,
      }
    case 'prompt_announced':
      return {
        ...state,
        running: state.running && { ...state.running, attempt: event.attempt },
      }
    case 'prompt_delivered':
      return { ...state, running: state.running && { ...state.running, delivered: true } }
    case 'prompt_finished':
      return {
        ...state,
        running: null,
        queueVersion: state.queueVersion + 1,
        lastOutcome: event.success ? 'completed' : 'failed',
        finishedAtMs: event.finishedAtMs,
        sandbox: { ...state.sandbox, lastActivityMs: event.finishedAtMs },
      }
    case 'stop_requested':
      return {
        ...state,
        stopping: { messageId: event.messageId, requestedAtMs: event.requestedAtMs },
      }
    case 'stop_confirmed':
    case 'stop_expired':
      return { ...state, stopping: null }
  }
}
