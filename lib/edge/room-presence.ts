/**
 * Who is in one room: this edge's sockets and those that other edges announce. Tells the room's sockets
 * what changed, and other edges and the owner what changed here. Soft state: an edge that falls silent is
 * forgotten.
 *
 * Every telling names everybody. So what changes here is told at once, but then no more for a moment: when
 * the clients of an edge that died come to this one, hundreds of them come to the same room.
 */
import type { Presence, ServerFrame } from '../../subjects/frames-server.ts'
import {
  PRESENCE_FORGET_MS,
  type PresenceSignal,
  type SocketPresence,
} from '../../subjects/signals.ts'
import { mergePresence, presenceFrames } from './presence.ts'

export type RoomPresence = {
  /** Takes what an edge announced; news goes to the room's sockets. */
  hear(signal: PresenceSignal, nowMs: number): void
  /** Takes what the owner remembers of edges that have not been heard here yet. */
  learn(signals: readonly PresenceSignal[], nowMs: number): void
  /** Whether the owner's memory was taken: from then on all is heard here. */
  hasLearned(): boolean
  /** Forgets edges that have been silent for too long. */
  forget(nowMs: number): void
  /** Something changed here: announced to everybody, `presence_update` or `_leave` to the room. */
  changed(): void
  /** As {@link changed}, for a socket that is told the list on its own: returns it. */
  joined(): readonly Presence[]
  /** Says again what is here. Without sockets it is a good-bye, said once. */
  announce(): void
  /** The room ends: what it has not announced yet is announced now. */
  close(): void
}

/** How long nobody is told after a telling. */
export const TOLD_EVERY_MS = 50

type Heard = {
  readonly sockets: readonly SocketPresence[]
  readonly json: string
  readonly atMs: number
}

export const makeRoomPresence = (room: {
  readonly edge: string
  readonly own: () => SocketPresence[]
  readonly announce: (signal: PresenceSignal) => void
  readonly publish: (frame: ServerFrame) => void
  /** Calls back after `ms`; returns what calls it off. */
  readonly after: (ms: number, act: () => void) => () => void
}): RoomPresence => {
  const others = new Map<string, Heard>()
  let shown: readonly Presence[] = []
  let announced = false
  let learned = false
  /** Set for a moment after a telling; whether something changed since. */
  let resting: (() => void) | undefined
  let waits = false

  const merged = () =>
    mergePresence([...room.own(), ...[...others.values()].flatMap(heard => heard.sockets)])

  const refresh = () => {
    const before = shown
    shown = merged()
    for (const frame of presenceFrames(before, shown)) room.publish(frame)
  }
  /** @returns whether that differs from what was known */
  const take = ({ edge, sockets }: PresenceSignal, nowMs: number): boolean => {
    const json = JSON.stringify(sockets)
    const known = others.get(edge)?.json ?? '[]'
    // A good-bye is kept like anything else, or an older answer of the owner would bring it back.
    others.set(edge, { sockets, json, atMs: nowMs })
    return json !== known
  }
  const announce = () => {
    const sockets = room.own()
    if (sockets.length === 0 && !announced) return
    announced = sockets.length > 0
    room.announce({ v: 1, edge: room.edge, sockets })
  }

  const tell = () => {
    refresh()
    announce()
    resting = room.after(TOLD_EVERY_MS, () => {
      resting = undefined
      if (!waits) return
      waits = false
      tell()
    })
  }
  const changed = () => {
    if (resting) waits = true
    else tell()
  }

  return {
    hear: (signal, nowMs) => {
      if (signal.edge !== room.edge && take(signal, nowMs)) refresh()
    },
    learn: (signals, nowMs) => {
      learned = true
      const news = signals.filter(({ edge }) => edge !== room.edge && !others.has(edge))
      if (news.map(signal => take(signal, nowMs)).includes(true)) refresh()
    },
    hasLearned: () => learned,
    forget: nowMs => {
      const silent = [...others].filter(([, heard]) => nowMs - heard.atMs > PRESENCE_FORGET_MS)
      for (const [edge] of silent) others.delete(edge)
      if (silent.some(([, heard]) => heard.sockets.length > 0)) refresh()
    },
    changed,
    joined: () => {
      changed()
      return merged()
    },
    announce,
    close: () => {
      resting?.()
      if (waits) announce()
    },
  }
}
