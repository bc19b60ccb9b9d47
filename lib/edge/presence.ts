/**
 * Who is in a session, from the sockets of all edges. Pure. One entry per participant, however many
 * sockets: an active one wins, the newest sign of life counts.
 */
import type { Presence, ServerFrame } from '../../subjects/frames-server.ts'
import type { SocketPresence } from '../../subjects/signals.ts'

/** Merges sockets into participants, in a stable order. */
export const mergePresence = (sockets: Iterable<SocketPresence>): Presence[] => {
  const byParticipant = new Map<string, Presence>()
  for (const socket of sockets) {
    const { participantId, userId, name, avatar, status, lastSeenMs } = socket
    const other = byParticipant.get(participantId)
    byParticipant.set(participantId, {
      participantId,
      userId,
      name,
      ...(avatar === null ? {} : { avatar }),
      status: status === 'active' || other?.status === 'active' ? 'active' : 'idle',
      lastSeen: Math.max(lastSeenMs, other?.lastSeen ?? 0),
    })
  }
  return [...byParticipant.values()].sort((a, b) => (a.participantId < b.participantId ? -1 : 1))
}

/**
 * What people are told when the list went from `before` to `after`: a `presence_leave` for each who is
 * gone; the full list when somebody came or changed, or when nothing is left to tell otherwise.
 */
export const presenceFrames = (
  before: readonly Presence[],
  after: readonly Presence[],
): ServerFrame[] => {
  const present = new Set(after.map(each => each.participantId))
  const gone = before.filter(each => !present.has(each.participantId))
  const known = new Map(before.map(each => [each.participantId, JSON.stringify(each)]))
  const others = after.some(each => known.get(each.participantId) !== JSON.stringify(each))
  const leaves = gone.map(({ userId }): ServerFrame => ({ type: 'presence_leave', userId }))
  return others || gone.length === 0
    ? [...leaves, { type: 'presence_update', participants: [...after] }]
    : leaves
}
