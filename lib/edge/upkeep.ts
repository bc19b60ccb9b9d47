/**
 * What an edge does by itself. Core messages can be lost without a sign, so every few seconds, and when
 * the bus comes back, the position of every room is compared with the log, in one batched read. Presence
 * is said again now and then, and at once to a partition's new owner, who has heard nothing yet.
 */
import { ownerSignal, PRESENCE_EVERY_MS } from '../../subjects/signals.ts'
import { OWNER_CHANGES, partitionOfOwner } from '../../subjects/subjects.ts'
import { newestSequences } from '../bus/newest.ts'
import { followSignals } from '../bus/signal.ts'
import type { Edge } from './edge.ts'

const COMPARE_EVERY_MS = 5_000
const REPAIRS_AT_ONCE = 16

/** Compares every room with the log and lets those that are behind catch up. */
export const compareWithLog = async (edge: Edge): Promise<void> => {
  const rooms = edge.rooms.all().filter(room => room.view())
  if (rooms.length === 0) return
  const newest = await newestSequences(
    edge.bus,
    rooms.map(room => room.sid),
  )
  const behind = rooms.filter(room => (newest.get(room.sid) ?? 0) > room.position())
  for (let i = 0; i < behind.length; i += REPAIRS_AT_ONCE) {
    await Promise.all(behind.slice(i, i + REPAIRS_AT_ONCE).map(room => room.catchUp()))
  }
}

const announcePresence = (edge: Edge, partition?: number) => {
  for (const room of edge.rooms.all()) {
    if (partition === undefined || room.partition === partition) room.presence.announce()
  }
}

/** Goes on until closed. */
export const startUpkeep = (edge: Edge): { close(): void } => {
  let comparing = false
  const compare = () => {
    if (comparing) return
    comparing = true
    compareWithLog(edge)
      .catch((error: unknown) => edge.log.warn({ err: error }, 'cannot compare with the log'))
      .finally(() => {
        comparing = false
      })
  }
  const owners = followSignals(edge.bus, OWNER_CHANGES, ownerSignal, (_, subject) =>
    announcePresence(edge, partitionOfOwner(subject)),
  )
  const comparison = setInterval(compare, COMPARE_EVERY_MS)
  const presence = setInterval(() => {
    announcePresence(edge)
    for (const room of edge.rooms.all()) room.presence.forget(edge.now())
  }, PRESENCE_EVERY_MS)
  const status = edge.bus.nc.status()
  const watch = async () => {
    for await (const { type } of status) {
      if (type !== 'reconnect') continue
      compare()
      announcePresence(edge)
      for (const room of edge.rooms.all()) room.text.ask()
    }
  }
  void watch()
  return {
    close: () => {
      clearInterval(comparison)
      clearInterval(presence)
      owners.close()
    },
  }
}
