/** The rooms of one edge: one per session with a socket here, opened by the first, closed after the last. */
import type { SessionId } from '../../subjects/subjects.ts'
import type { Log } from '../telemetry/log.ts'
import type { Room, RoomCallbacks } from './room.ts'
import type { Socket } from './socket.ts'

export type Rooms = {
  /** The room of a session, opened if need be. Stays until everybody who entered has left. */
  enter(sid: SessionId): Room
  leave(room: Room): void
  /** The room of a session, if there is one that goes on. */
  find(sid: SessionId): Room | undefined
  all(): readonly Room[]
}

export type OpenRoom = (sid: SessionId, callbacks: RoomCallbacks) => Room

/** The reason with which clients of a deleted session are closed. */
export const SESSION_DELETED = 'Session deleted'
/** A sandbox reconnects after this, and says again what was not acknowledged. */
const TRY_AGAIN_LATER = 1013

export const makeRooms = (open: OpenRoom, log: Log): Rooms => {
  const rooms = new Map<SessionId, Room>()
  const guests = new Map<Room, number>()

  const onSlow = (socket: Socket) => {
    log.info({ connectionId: socket.connectionId }, 'closed a client that does not keep up')
    socket.closeWith('SLOW_CONSUMER')
  }
  /** Nobody may stay in a room that would show a hole: all come back, to a new one. */
  const onBroken = (room: Room, error: unknown) => {
    log.error({ sid: room.sid, err: error }, 'cannot follow a session, its sockets are closed')
    if (rooms.get(room.sid) === room) rooms.delete(room.sid)
    for (const { socket } of [...room.clients]) socket.closeWith('SYNC_FAILED')
    for (const { socket } of [...room.sandboxes]) socket.close(TRY_AGAIN_LATER, 'Try again')
  }
  /** Sandboxes end themselves when they hear of it. Who comes back is told that there is no session. */
  const onDeleted = (room: Room) => {
    if (rooms.get(room.sid) === room) rooms.delete(room.sid)
    for (const { socket } of [...room.clients]) socket.closeWith('NOT_SUBSCRIBED', SESSION_DELETED)
  }

  return {
    enter: sid => {
      let room = rooms.get(sid)
      if (!room) {
        const opened: Room = open(sid, {
          onBroken: error => onBroken(opened, error),
          onDeleted: () => onDeleted(opened),
          onSlow,
        })
        rooms.set(sid, opened)
        room = opened
      }
      guests.set(room, (guests.get(room) ?? 0) + 1)
      return room
    },
    leave: room => {
      const left = (guests.get(room) ?? 0) - 1
      if (left > 0) {
        guests.set(room, left)
        return
      }
      guests.delete(room)
      if (rooms.get(room.sid) === room) rooms.delete(room.sid)
      room.close()
    },
    find: sid => rooms.get(sid),
    all: () => [...rooms.values()],
  }
}
