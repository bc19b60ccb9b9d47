/** Prompts, from the queue to their end. */
import { defineEntity, p } from '@mikro-orm/sqlite'
import type { Row } from './row.ts'

export const MessageEntity = defineEntity({
  name: 'messages',
  tableName: 'messages',
  indexes: [
    { name: 'messages_status', properties: ['status'] },
    { name: 'messages_author_id', properties: ['author_id'] },
    { name: 'messages_created_at', properties: ['created_at', 'queued_sequence'] },
  ],
  uniques: [
    {
      name: 'messages_client_request_id',
      properties: ['client_request_id'],
      where: 'client_request_id is not null',
    },
    // One prompt runs at a time: the core sees to it, and the file would not take a second.
    { name: 'messages_one_processing', properties: ['status'], where: "status = 'processing'" },
  ],
  properties: {
    id: p.text().primary(),
    author_id: p.text(),
    content: p.text(),
    source: p.text(),
    model: p.text().nullable(),
    reasoning_effort: p.text().nullable(),
    /** JSON. */
    attachments: p.text().nullable(),
    status: p.text().default('pending'),
    error_message: p.text().nullable(),
    client_request_id: p.text().nullable(),
    request_fingerprint: p.text().nullable(),
    stop_confirmation_deadline: p.integer().nullable(),
    created_at: p.integer(),
    started_at: p.integer().nullable(),
    completed_at: p.integer().nullable(),
    /** JSON. */
    callback_context: p.text().nullable(),
    /** Number of the record that queued it: tells the order of prompts of one millisecond. */
    queued_sequence: p.integer(),
  },
})
export type MessageRow = Row<typeof MessageEntity>
