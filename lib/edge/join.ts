/**
 * How a client begins to see a session without gap and without double.
 *
 * The room follows the records first; then the owner is asked, and answers with a snapshot that is true
 * at record A, while the room stands at R. If R is behind, the client waits until the room has reached A.
 * Then, in one turn: the snapshot, the frames of the records after A up to R, and from now on the room's
 * own. If A is so old that the room no longer has these frames, the owner is asked again.
 */
import type { AnswerOf } from '../../subjects/asks.ts'
import { fail } from '../../subjects/errors.ts'
import type { ServerFrameOf } from '../../subjects/frames-server.ts'
import { ask } from '../bus/ask.ts'
import type { SessionView } from '../session/view.ts'
import type { ClientPeer } from './client-peer.ts'
import type { Edge } from './edge.ts'

export type JoinRequest = {
  readonly tokenHash: string
  readonly clientId: string | null
  /** The last `sequence` that the client holds. */
  readonly after: number | null
}

/** A snapshot is milliseconds old; a room that keeps thousands of records has lost it only when broken. */
const ATTEMPTS = 5

/**
 * Resolves when the socket is in, or is closed meanwhile.
 * @throws codes TOKEN_INVALID, TOKEN_EXPIRED, SESSION_NOT_FOUND, NO_OWNER, SYNC_FAILED …
 */
export const join = async (edge: Edge, peer: ClientPeer, request: JoinRequest): Promise<void> => {
  const { room, socket } = peer
  const { tokenHash, after } = request
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // A room that was opened by a sandbox has not learned who is elsewhere.
    const follows = room.presence.hasLearned()
    const question = { v: 1, sid: room.sid, type: 'join', tokenHash, after, follows } as const
    const answer = await ask(edge.bus, question)
    if (!socket.isOpen) return
    if (!follows) room.start(answer.view as SessionView, answer.recordSeq)
    await room.reach(answer.recordSeq)
    if (!socket.isOpen) return
    const missed = room.meantSince(answer.recordSeq)
    if (missed) {
      room.presence.learn(answer.presence, edge.now())
      const json = missed.flatMap(each => each.json)
      socket.together(() => admit(edge, peer, request, answer, json))
      return
    }
  }
  throw fail('SYNC_FAILED', { sid: room.sid, attempts: ATTEMPTS })
}

/** Does not yield: whatever happens next is published to this socket too. */
const admit = (
  edge: Edge,
  peer: ClientPeer,
  request: JoinRequest,
  answer: AnswerOf<'join'>,
  missed: readonly string[],
) => {
  const { room, socket } = peer
  const { participantId, userId, name, avatar } = answer.participant
  clearTimeout(peer.authTimer)
  peer.member = {
    connectionId: socket.connectionId,
    clientId: request.clientId,
    participantId,
    userId,
    name,
    avatar: avatar ?? null,
    status: 'active',
    lastSeenMs: edge.now(),
  }
  socket.send(subscribedFrame(answer))
  const participants = [...room.presence.joined()]
  socket.send({ type: 'presence_sync', participants })
  socket.send({ type: 'presence_update', participants })
  for (const json of missed) socket.send(json)
  room.audience.add(socket)
  const text = room.text.newest()
  if (text) socket.send(text)
}

/** The snapshot, and beside it the smaller `state` that older clients know. */
const subscribedFrame = ({
  participant,
  recovered,
  snapshot,
}: AnswerOf<'join'>): ServerFrameOf<'subscribed'> => {
  const { id, title, repoOwner, repoName, branchName, status } = snapshot.session
  const { sandboxStatus, messageCount, createdAt } = snapshot.session
  return {
    type: 'subscribed',
    sessionId: id,
    participantId: participant.participantId,
    participant,
    recovered,
    ...snapshot,
    state: {
      id,
      title,
      repoOwner,
      repoName,
      branchName,
      status,
      sandboxStatus,
      messageCount,
      createdAt,
    },
  }
}
