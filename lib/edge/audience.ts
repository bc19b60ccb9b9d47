/**
 * The sockets of one room that see everything. A frame is serialised once and published to all of
 * them. Who does not keep up is first left out of growing text, of which the newest suffices, and then
 * closed, to resume by cursor; nobody else notices.
 */
import type { TemplatedApp } from 'uWebSockets.js'
import { LOOK_EVERY_BYTES, SLOW_ABOVE_BYTES, TEXT_HELD_ABOVE_BYTES } from './limits.ts'
import type { Socket } from './socket.ts'

export type Audience = {
  /** From now on the socket gets what is published. */
  add(socket: Socket): void
  remove(socket: Socket): void
  /** Sends JSON to all. Nobody who stays misses one. */
  publish(json: string): void
  /** Sends JSON to all that keep up, for what the next of its kind replaces. */
  publishPassing(json: string): void
  /** A socket's buffer has drained: it may get growing text again. True if it was left out. */
  drained(socket: Socket): boolean
  size(): number
}

export const makeAudience = (
  app: TemplatedApp,
  sid: string,
  onSlow: (socket: Socket) => void,
): Audience => {
  const stored = `stored:${sid}`
  const passing = `passing:${sid}`
  const sockets = new Set<Socket>()
  const leftOut = new Set<Socket>()
  let sinceLookBytes = 0

  const look = () => {
    sinceLookBytes = 0
    for (const socket of sockets) {
      const bytes = socket.bufferedBytes()
      if (bytes > SLOW_ABOVE_BYTES) {
        onSlow(socket)
      } else if (bytes > TEXT_HELD_ABOVE_BYTES && !leftOut.has(socket)) {
        leftOut.add(socket)
        socket.unfollow(passing)
      }
    }
  }
  const count = (json: string) => {
    sinceLookBytes += json.length
    if (sinceLookBytes >= LOOK_EVERY_BYTES) look()
  }

  return {
    add: socket => {
      sockets.add(socket)
      socket.follow(stored)
      socket.follow(passing)
    },
    remove: socket => {
      sockets.delete(socket)
      leftOut.delete(socket)
      socket.unfollow(stored)
      socket.unfollow(passing)
    },
    publish: json => {
      app.publish(stored, json)
      count(json)
    },
    publishPassing: json => {
      look()
      app.publish(passing, json)
    },
    drained: socket => {
      if (!leftOut.has(socket) || socket.bufferedBytes() > TEXT_HELD_ABOVE_BYTES / 2) return false
      leftOut.delete(socket)
      socket.follow(passing)
      return true
    },
    size: () => sockets.size,
  }
}
