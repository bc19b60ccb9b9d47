/**
 * Who may become a WebSocket, decided before it is one: a client when its session exists (its token comes
 * later, as a frame), a sandbox when the owner says so.
 */
import { codeOf, ERRORS } from '../../subjects/errors.ts'
import { isSessionId, type SessionId } from '../../subjects/subjects.ts'
import { sha256Hex } from '../auth/hash.ts'
import { ask } from '../bus/ask.ts'
import type { SessionView } from '../session/view.ts'
import type { Edge } from './edge.ts'
import type { PendingUpgrade } from './http.ts'
import type { Outstanding } from './outstanding.ts'
import type { Room } from './room.ts'
import { openSandbox, type SandboxPeer } from './sandbox-peer.ts'
import type { Socket } from './socket.ts'

export type ClientSeat = { readonly sid: SessionId }
export type SandboxSeat = {
  readonly room: Room
  /** Makes the accepted socket a peer of the room. */
  readonly seat: (socket: Socket) => SandboxPeer
}

const refuse = (upgrade: PendingUpgrade, error: unknown) => {
  const code = codeOf(error) ?? 'INTERNAL'
  upgrade.refuse(ERRORS[code].http, ERRORS[code].text)
}

/** The log knows whether there is such a session: no owner is needed for that. */
export const admitClient = async (edge: Edge, sid: string, upgrade: PendingUpgrade) => {
  if (edge.isStopping()) return upgrade.refuse(503, ERRORS.BUS_UNAVAILABLE.text)
  if (!isSessionId(sid)) return upgrade.refuse(404, ERRORS.SESSION_NOT_FOUND.text)
  try {
    if (!(edge.rooms.find(sid)?.view() || (await edge.isKnown(sid))))
      return upgrade.refuse(404, ERRORS.SESSION_NOT_FOUND.text)
    upgrade.accept({ sid } satisfies ClientSeat)
  } catch (error) {
    edge.log.warn({ sid, err: error }, 'a client could not be let in')
    refuse(upgrade, error)
  }
}

/**
 * The room follows the records before the owner is asked, so that nothing which is meant for the sandbox
 * lies between the answer and the socket.
 */
export const admitSandbox = async (
  edge: Edge,
  asked: { readonly sid: string; readonly token: string; readonly sandboxId: string },
  upgrade: PendingUpgrade,
) => {
  const { sid, token, sandboxId } = asked
  if (edge.isStopping()) return upgrade.refuse(503, ERRORS.BUS_UNAVAILABLE.text)
  if (!isSessionId(sid)) return upgrade.refuse(404, ERRORS.SESSION_NOT_FOUND.text)
  const room = edge.rooms.enter(sid)
  let seated = false
  try {
    const tokenHash = sha256Hex(token)
    const answer = await ask(edge.bus, { v: 1, sid, type: 'sandbox_join', tokenHash, sandboxId })
    room.start(answer.view as SessionView, answer.recordSeq)
    await room.reach(answer.recordSeq)
    const missed = room.meantSince(answer.recordSeq)
    if (!missed || edge.rooms.find(sid) !== room) {
      upgrade.refuse(503, ERRORS.SYNC_FAILED.text)
      return
    }
    if (!upgrade.isWanted()) return
    const { generation, outstanding } = answer
    const seat = (socket: Socket) => {
      seated = true
      const joined = { generation, outstanding: outstanding as Outstanding }
      const peer = openSandbox(edge, socket, room, joined)
      room.sandboxes.add(peer)
      peer.tell(missed.flatMap(each => each.toSandbox))
      return peer
    }
    upgrade.accept({ room, seat } satisfies SandboxSeat)
  } catch (error) {
    if (!codeOf(error)) edge.log.warn({ sid, err: error }, 'a sandbox could not be let in')
    refuse(upgrade, error)
  } finally {
    if (!seated) edge.rooms.leave(room)
  }
}
