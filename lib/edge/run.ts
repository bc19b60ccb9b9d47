/**
 * edge: holds the WebSockets of clients and sandboxes, and no truth.
 *
 * A client's frame becomes a command or a signal; a record becomes frames. Everything that it keeps (rooms,
 * views, presence, text) can be made again from the log and the owner. It must not decide, and must not
 * write a record. When it dies its sockets break; clients come back to any edge with their last `sequence`,
 * sandboxes with what was not acknowledged, and nothing is missing. Any number may run.
 */

import uWS from 'uWebSockets.js'
import { randomUUID } from 'node:crypto'
import { followTime } from '../bus/clock.ts'
import { connectBus } from '../bus/connect.ts'
import type { Log } from '../telemetry/log.ts'
import { openDoorman } from './doorman.ts'
import type { Edge, EdgeConfig } from './edge.ts'
import { knownSessions } from './known-sessions.ts'
import { openRoom } from './room.ts'
import { makeRooms } from './rooms.ts'
import { listen, routeAll, type Server } from './server.ts'
import { startUpkeep } from './upkeep.ts'

/** How long it may take to finish what was taken in, once the edge is asked to stop. */
const FINISH_WITHIN_MS = 5_000
const SERVICE_RESTART = 1012

export type RunningEdge = {
  readonly edge: Edge
  readonly port: number
  /** Takes nobody in any more, finishes what was taken in, ends the sockets. Resolves when all is done. */
  stop(): Promise<void>
}

/** Connects and listens. @throws code PORT_IN_USE */
export const startEdge = async (config: EdgeConfig, log: Log): Promise<RunningEdge> => {
  const name = `${config.instance ?? 'edge'}-${randomUUID().slice(0, 8)}`
  const bus = await connectBus({ url: config.natsUrl, name })
  const now = await followTime(bus)
  const app = uWS.App()
  const doorman = await openDoorman(log)
  const endings = new Set<Promise<void>>()
  let stopping = false
  const edge: Edge = {
    name,
    bus,
    config,
    log,
    app,
    doorman,
    rooms: makeRooms((sid, callbacks) => openRoom(edge, bus, sid, callbacks), log),
    isKnown: knownSessions(bus),
    now,
    isStopping: () => stopping,
  }
  routeAll(
    app,
    () => edge,
    ending => {
      endings.add(ending)
      void ending.finally(() => endings.delete(ending))
    },
  )
  const server = await listening(edge)
  const upkeep = startUpkeep(edge)

  const stop = async () => {
    stopping = true
    server.stopListening()
    const late = after(FINISH_WITHIN_MS)
    const rooms = edge.rooms.all()
    for (const room of rooms) {
      for (const { socket } of [...room.sandboxes]) socket.close(SERVICE_RESTART, 'Restarting')
    }
    const lines = rooms.flatMap(room => [...room.clients].map(client => client.line))
    await Promise.race([Promise.all(lines), late])
    for (const room of edge.rooms.all()) {
      for (const { socket } of [...room.clients]) socket.close(SERVICE_RESTART, 'Restarting')
    }
    await Promise.race([Promise.all([...endings]), late])
    upkeep.close()
    server.close()
    doorman.close()
    await bus.close()
  }
  return { edge, port: server.port, stop }
}

const listening = async ({ app, config, bus, doorman }: Edge): Promise<Server> => {
  try {
    return listen(app, config.host, config.edgePort)
  } catch (error) {
    doorman.close()
    await bus.close()
    throw error
  }
}

const after = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms).unref())

/** Runs until the signal aborts. */
export const runEdge = async (config: EdgeConfig, signal: AbortSignal, log: Log): Promise<void> => {
  const { edge, port, stop } = await startEdge(config, log)
  log.info({ listening: `${config.host}:${port}`, edge: edge.name }, 'listening')
  if (!signal.aborted) {
    await new Promise<void>(resolve => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
  await stop()
}
