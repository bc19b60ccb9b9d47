/** Events about prompts → `messages`. */
import type { SessionEventOf, SessionRecord } from '../../../subjects/records.ts'
import { type Batch, jsonOrNull, patch } from './batch.ts'
import { changeSandbox } from './sandbox.ts'

export const promptQueued = (
  batch: Batch,
  event: SessionEventOf<'prompt_queued'>,
  { record, sequence }: { record: SessionRecord; sequence: number },
): void => {
  batch.messages.inserts.set(event.messageId, {
    id: event.messageId,
    author_id: event.participantId,
    content: event.content,
    source: event.source,
    model: event.model,
    reasoning_effort: event.reasoningEffort,
    attachments: jsonOrNull(event.attachments),
    status: 'pending',
    error_message: null,
    client_request_id: event.clientRequestId,
    request_fingerprint: record.request?.fingerprint ?? null,
    stop_confirmation_deadline: null,
    created_at: event.queuedAtMs,
    started_at: null,
    completed_at: null,
    callback_context: jsonOrNull(event.callbackContext),
    queued_sequence: sequence,
  })
}

export const promptStarted = (batch: Batch, event: SessionEventOf<'prompt_started'>): void => {
  patch(batch.messages, event.messageId, { status: 'processing', started_at: event.startedAtMs })
  changeSandbox(batch, { last_activity: event.startedAtMs })
}

export const promptFinished = (batch: Batch, event: SessionEventOf<'prompt_finished'>): void => {
  patch(batch.messages, event.messageId, {
    status: event.success ? 'completed' : 'failed',
    error_message: event.success ? null : event.error,
    completed_at: event.finishedAtMs,
  })
  changeSandbox(batch, { last_activity: event.finishedAtMs })
}

/** It stays in the list, and says why it never ran. */
export const promptDropped = (batch: Batch, event: SessionEventOf<'prompt_dropped'>): void =>
  patch(batch.messages, event.messageId, {
    status: 'failed',
    error_message: event.error,
    completed_at: event.finishedAtMs,
  })

/** A cancelled prompt leaves no row; who cancelled it is in the timeline. */
export const promptCancelled = (
  { messages, cancelled }: Batch,
  { messageId }: SessionEventOf<'prompt_cancelled'>,
): void => {
  if (!messages.inserts.delete(messageId)) cancelled.add(messageId)
  messages.updates.delete(messageId)
}

export const promptEdited = (batch: Batch, event: SessionEventOf<'prompt_edited'>): void =>
  patch(batch.messages, event.messageId, { content: event.content })

/** By when the sandbox must have let go: the record's own `stop` timer says it. */
export const stopRequested = (
  batch: Batch,
  event: SessionEventOf<'stop_requested'>,
  { record }: { record: SessionRecord },
): void =>
  patch(batch.messages, event.messageId, {
    stop_confirmation_deadline: record.timers.find(timer => timer.name === 'stop')?.atMs ?? null,
  })

export const stopEnded = (
  batch: Batch,
  event: SessionEventOf<'stop_confirmed' | 'stop_expired'>,
): void => patch(batch.messages, event.messageId, { stop_confirmation_deadline: null })
