/**
 * What the owner of a partition has heard of its sessions since it took it: the sockets of every edge
 * and the heartbeats of sandboxes. Only in memory, gone with the partition. Whoever owns it next has
 * heard nothing yet and says since when it listens, so that nobody is declared dead for that.
 */
import {
  beatSignal,
  PRESENCE_FORGET_MS,
  type PresenceSignal,
  presenceSignal,
  type SocketPresence,
} from '../../subjects/signals.ts'
import { beatsOf, presenceOf, type SessionId, sessionOfSignal } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { followSignals } from '../bus/signal.ts'

export type Observed = {
  /** Since when nothing can have been missed. */
  sinceMs(): number
  /** Something may have been missed until now. */
  anew(): void
  /** When a sandbox of this generation last gave a sign of life, or null. */
  lastHeartbeatMs(sid: SessionId, generation: number): number | null
  /** How many sockets of clients there are, on all edges. */
  clients(sid: SessionId): number
  /** The newest announcement of every edge. */
  presence(sid: SessionId): PresenceSignal[]
  /** Forgets what has been silent for too long. */
  sweep(): void
  close(): void
}

type Beat = { readonly generation: number; readonly heardMs: number }
type Heard = { readonly signal: PresenceSignal; readonly heardMs: number }

/**
 * @param options.nowMs milliseconds since the epoch, by the clock under which commands are stored
 * @param options.onSockets called with all sockets of a session when one has come or gone
 */
export const observePartition = (
  bus: Bus,
  p: number,
  options: {
    readonly nowMs: () => number
    readonly onSockets: (sid: SessionId, sockets: readonly SocketPresence[]) => void
  },
): Observed => {
  const { nowMs, onSockets } = options
  let sinceMs = nowMs()
  const edges = new Map<SessionId, Map<string, Heard>>()
  const beats = new Map<string, Beat>()

  const hearPresence = (signal: PresenceSignal, sid: SessionId) => {
    const known = edges.get(sid) ?? new Map<string, Heard>()
    const before = socketsOf(known)
    if (signal.sockets.length > 0) known.set(signal.edge, { signal, heardMs: nowMs() })
    else known.delete(signal.edge)
    if (known.size > 0) edges.set(sid, known)
    else edges.delete(sid)
    const after = socketsOf(known)
    if (!sameSockets(before, after)) onSockets(sid, after)
  }
  // Counted from when it was heard: one clock fewer than the edge's.
  const hearBeat = (generation: number, sid: string) => {
    const known = beats.get(sid)
    if (!known || known.generation <= generation) beats.set(sid, { generation, heardMs: nowMs() })
  }
  const isFresh = (heard: Heard) => nowMs() - heard.heardMs < PRESENCE_FORGET_MS
  const presence = (sid: SessionId) =>
    [...(edges.get(sid)?.values() ?? [])].filter(isFresh).map(heard => heard.signal)

  const subscriptions = [
    followSignals(bus, presenceOf(p), presenceSignal, (signal, subject) => {
      const sid = sessionIn(subject)
      if (sid) hearPresence(signal, sid)
    }),
    followSignals(bus, beatsOf(p), beatSignal, (signal, subject) => {
      const sid = sessionIn(subject)
      if (sid) hearBeat(signal.generation, sid)
    }),
  ]
  return {
    sinceMs: () => sinceMs,
    anew: () => {
      sinceMs = nowMs()
    },
    lastHeartbeatMs: (sid, generation) => {
      const beat = beats.get(sid)
      return beat?.generation === generation ? beat.heardMs : null
    },
    clients: sid => presence(sid).reduce((sum, signal) => sum + signal.sockets.length, 0),
    presence,
    sweep: () => {
      for (const [sid, known] of edges) {
        for (const [edge, heard] of known) if (!isFresh(heard)) known.delete(edge)
        if (known.size === 0) edges.delete(sid)
      }
      const old = nowMs() - BEAT_FORGET_MS
      for (const [sid, beat] of beats) if (beat.heardMs < old) beats.delete(sid)
    },
    close: () => {
      for (const subscription of subscriptions) subscription.close()
    },
  }
}

const socketsOf = (edges: ReadonlyMap<string, Heard>): SocketPresence[] =>
  [...edges.values()].flatMap(heard => heard.signal.sockets)

const sameSockets = (a: readonly SocketPresence[], b: readonly SocketPresence[]): boolean => {
  const ids = new Set(a.map(socket => socket.connectionId))
  return a.length === b.length && b.every(socket => ids.has(socket.connectionId))
}

/** Longer than any limit for heartbeats. */
const BEAT_FORGET_MS = 3_600_000

/** Anybody may publish a signal, so its subject may name anything. */
const sessionIn = (subject: string): SessionId | undefined => {
  try {
    return sessionOfSignal(subject)
  } catch {
    return undefined
  }
}
