/** Timeline lines → `events` (as they are now) and `changes` (every version). */
import type { SessionEventOf } from '../../../subjects/records.ts'
import type { Batch } from './batch.ts'

export const timelineLine = (batch: Batch, line: SessionEventOf<'timeline'>): void => {
  const json = JSON.stringify(line.event)
  const earlier = batch.events.get(line.eventId)
  batch.events.set(line.eventId, {
    id: line.eventId,
    type: line.event.type,
    data: json,
    message_id: line.messageId,
    created_at: earlier && !movesForward(line.event.type) ? earlier.created_at : line.atMs,
    timeline_sequence: line.position,
    sequence: line.sequence,
  })
  batch.totalBytes += Buffer.byteLength(json)
  batch.changes.push({
    sequence: line.sequence,
    event_id: line.eventId,
    position: line.position,
    event: json,
    total_bytes: batch.totalBytes,
  })
}

/** Growing text counts as new each time it grows; everything else stays where it began (spec 2.6). */
export const movesForward = (type: string): boolean => type === 'token'
