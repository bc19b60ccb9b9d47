import type { Actor } from '../../../subjects/commands.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { derivedId } from '../ids.ts'
import type { Participant, ScmToken } from '../state.ts'

const FIELDS = ['login', 'name', 'email', 'githubUserId'] as const

/**
 * The participant of a user, who joins as a member when missing and no role is given. Only what is
 * given changes; null keeps what is known.
 */
export const changeParticipant = (
  draft: Draft,
  user: Actor,
  role: Participant['role'] | null,
  context: Context,
): Participant => {
  const { participantId, ...known } = participantFor(draft, user, role ?? 'member', context)
  if (role !== null && role !== known.role) {
    const { userId, login, name, email, githubUserId } = known
    draft.add({
      type: 'participant_updated',
      participantId,
      userId,
      login,
      name,
      email,
      githubUserId,
      role,
    })
  }
  return { participantId, ...known, role: role ?? known.role }
}

/**
 * The participant of a user, who joins when missing: any authenticated caller may (single tenant).
 * Only fields that are given change; null keeps what is known.
 */
export const participantFor = (
  draft: Draft,
  user: Actor,
  role: Participant['role'],
  context: Context,
): Participant => {
  const find = () => draft.state.participants.find(one => one.userId === user.userId)
  const known = find()
  const fields = {
    login: user.login ?? known?.login ?? null,
    name: user.name ?? known?.name ?? null,
    email: user.email ?? known?.email ?? null,
    githubUserId: user.githubUserId ?? known?.githubUserId ?? null,
  }
  if (!known) {
    draft.add({
      type: 'participant_joined',
      participantId: derivedId(context, 'participant'),
      userId: user.userId,
      ...fields,
      role,
      joinedAtMs: context.nowMs,
    })
  } else if (FIELDS.some(field => fields[field] !== known[field])) {
    const { participantId, userId } = known
    draft.add({ type: 'participant_updated', participantId, userId, ...fields })
  }
  keepToken(draft, find() as Participant, user.scmToken ?? null)
  return find() as Participant
}

/** A token that would end before the one that is kept is not kept. */
const keepToken = (
  draft: Draft,
  { participantId, scmToken: known }: Participant,
  token: ScmToken | null,
): void => {
  if (token === null) return
  const lastsLonger =
    known === null ||
    known.expiresAtMs === null ||
    (token.expiresAtMs !== null && token.expiresAtMs > known.expiresAtMs)
  if (!lastsLonger || known?.encrypted === token.encrypted) return
  draft.add({ type: 'scm_token_stored', participantId, ...token })
}
