import type { SessionEventOf } from '../../../subjects/records.ts'
import { MAX_WS_TOKENS } from '../limits.ts'
import type { Participant } from '../state.ts'

type PeopleEvent = SessionEventOf<
  'participant_joined' | 'participant_updated' | 'ws_token_issued' | 'scm_token_stored'
>

const changed = (
  participants: readonly Participant[],
  participantId: string,
  change: (participant: Participant) => Participant,
): readonly Participant[] =>
  participants.map(one => (one.participantId === participantId ? change(one) : one))

/** The participants after an event that concerns them. */
export const evolvePeople = (
  participants: readonly Participant[],
  event: PeopleEvent,
): readonly Participant[] => {
  switch (event.type) {
    case 'participant_joined': {
      const { type: _, ...joined } = event
      return [...participants, { ...joined, tokens: [], scmToken: null }]
    }
    case 'participant_updated': {
      const { type: _, role, ...fields } = event
      return changed(participants, event.participantId, one => ({
        ...one,
        ...fields,
        role: role ?? one.role,
      }))
    }
    case 'scm_token_stored': {
      const { encrypted, expiresAtMs } = event
      return changed(participants, event.participantId, one => ({
        ...one,
        scmToken: { encrypted, expiresAtMs },
      }))
    }
    case 'ws_token_issued': {
      const token = { hash: event.tokenHash, issuedAtMs: event.issuedAtMs }
      return changed(participants, event.participantId, one => ({
        ...one,
        tokens: [...one.tokens, token].slice(-MAX_WS_TOKENS),
      }))
    }
  }
}
