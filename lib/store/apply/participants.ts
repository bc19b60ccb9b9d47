/** Events about people → `participants` and `ws_tokens`. */
import type { SessionEventOf } from '../../../subjects/records.ts'
import type { ParticipantRow } from '../entities/participants.ts'
import { type Batch, patch } from './batch.ts'

/** Tokens of one participant that are kept; the core lets no more be valid (spec 3.9). */
export const TOKENS_KEPT = 16

export const participantJoined = (
  batch: Batch,
  event: SessionEventOf<'participant_joined'>,
): void => {
  batch.participants.inserts.set(event.participantId, {
    id: event.participantId,
    ...profile(event),
    role: event.role,
    github_access_token_encrypted: null,
    github_refresh_token_encrypted: null,
    github_token_expires_at: null,
    ws_auth_token: null,
    ws_token_created_at: null,
    joined_at: event.joinedAtMs,
  })
}

/** The event holds what is known now, not what was added. */
export const participantUpdated = (
  batch: Batch,
  event: SessionEventOf<'participant_updated'>,
): void =>
  patch(batch.participants, event.participantId, {
    ...profile(event),
    ...(event.role && { role: event.role }),
  })

export const wsTokenIssued = (batch: Batch, event: SessionEventOf<'ws_token_issued'>): void => {
  patch(batch.participants, event.participantId, {
    ws_auth_token: event.tokenHash,
    ws_token_created_at: event.issuedAtMs,
  })
  batch.tokens.set(`${event.participantId} ${event.tokenHash}`, {
    hash: event.tokenHash,
    participant_id: event.participantId,
    created_at: event.issuedAtMs,
  })
}

/** Encrypted already when it was written into the log. */
export const scmTokenStored = (
  batch: Batch,
  { participantId, encrypted, expiresAtMs }: SessionEventOf<'scm_token_stored'>,
): void =>
  patch(batch.participants, participantId, {
    github_access_token_encrypted: encrypted,
    github_token_expires_at: expiresAtMs,
  })

const profile = (event: SessionEventOf<'participant_joined' | 'participant_updated'>) =>
  ({
    user_id: event.userId,
    github_user_id: event.githubUserId,
    github_login: event.login,
    github_email: event.email,
    github_name: event.name,
  }) satisfies Partial<ParticipantRow>
