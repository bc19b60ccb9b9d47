import type { SessionEventOf } from '../../../subjects/records.ts'
import { nextPrompt } from '../lines.ts'
import type { SessionState } from '../state.ts'

type WorkEvent = SessionEventOf<
  | 'prompt_queued'
  | 'prompt_started'
  | 'prompt_announced'
  | 'prompt_delivered'
  | 'prompt_finished'
  | 'stop_requested'
  | 'stop_confirmed'
  | 'stop_expired'
>

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
        sandbox: { ...state.sandbox, lastActivityMs: event.startedAtMs },
      }
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
