/** What people see, twice: `events` holds each line once, as it is now; `changes`, each version. */
import { defineEntity, p } from '@mikro-orm/sqlite'
import type { Row } from './row.ts'

export const EventEntity = defineEntity({
  name: 'events',
  tableName: 'events',
  indexes: [
    { name: 'events_message_id', properties: ['message_id'] },
    { name: 'events_type', properties: ['type'] },
    { name: 'events_created_at', properties: ['created_at', 'timeline_sequence'] },
  ],
  properties: {
    id: p.text().primary(),
    type: p.text(),
    /** JSON of the whole event. */
    data: p.text(),
    message_id: p.text().nullable(),
    created_at: p.integer(),
    /** Where the line stands: the `sequence` of its first version. */
    timeline_sequence: p.integer().unique('events_timeline_sequence'),
    /** The `sequence` of its newest version. */
    sequence: p.integer(),
  },
})
export type EventRow = Row<typeof EventEntity>

/** The newest versions, by `sequence` without a hole: what a client that comes back has missed. */
export const ChangeEntity = defineEntity({
  name: 'changes',
  tableName: 'changes',
  properties: {
    sequence: p.integer().primary().autoincrement(false),
    event_id: p.text(),
    position: p.integer(),
    /** JSON of the whole event. */
    event: p.text(),
    /** Bytes of `event` of this row and of all before it, also of those removed since. */
    total_bytes: p.integer(),
  },
})
export type ChangeRow = Row<typeof ChangeEntity>
