/** Who takes part, with which tokens, over which sockets. */
import { defineEntity, p } from '@mikro-orm/sqlite'
import type { Row } from './row.ts'

export const ParticipantEntity = defineEntity({
  name: 'participants',
  tableName: 'participants',
  indexes: [{ name: 'participants_user_id', properties: ['user_id'] }],
  properties: {
    id: p.text().primary(),
    user_id: p.text(),
    github_user_id: p.text().nullable(),
    github_login: p.text().nullable(),
    github_email: p.text().nullable(),
    github_name: p.text().nullable(),
    role: p.text().default('member'),
    github_access_token_encrypted: p.text().nullable(),
    github_refresh_token_encrypted: p.text().nullable(),
    github_token_expires_at: p.integer().nullable(),
    /** Hash of the newest ws-token; all live ones are in `ws_tokens`. */
    ws_auth_token: p.text().nullable(),
    ws_token_created_at: p.integer().nullable(),
    joined_at: p.integer(),
  },
})
export type ParticipantRow = Row<typeof ParticipantEntity>

/** Every live token of every participant, so that each tab has one of its own. */
export const WsTokenEntity = defineEntity({
  name: 'ws_tokens',
  tableName: 'ws_tokens',
  indexes: [{ name: 'ws_tokens_participant_id', properties: ['participant_id', 'created_at'] }],
  properties: {
    participant_id: p.text().primary(),
    /** SHA-256 of the token, lower-case hex. */
    hash: p.text().primary(),
    created_at: p.integer(),
  },
})
export type WsTokenRow = Row<typeof WsTokenEntity>

/** Sockets that were open when somebody last looked: soft state, not from the log. */
export const WsClientEntity = defineEntity({
  name: 'ws_client_mapping',
  tableName: 'ws_client_mapping',
  properties: {
    ws_id: p.text().primary(),
    participant_id: p.text(),
    client_id: p.text().nullable(),
    created_at: p.integer(),
  },
})
export type WsClientRow = Row<typeof WsClientEntity>
