/**
 * One session on one edge, while somebody here is connected to it.
 *
 * It follows the session's records and turns each into frames, once, for all client sockets, and into
 * frames for the sandbox's socket. It holds the view that this needs, the frames of the last records for
 * sockets that are joining, the newest growing text, and who is present. It decides nothing and stores
 * nothing. When it breaks (the log cannot be read) its sockets are closed and come back to a new one;
 * when the process dies they come back to another edge.
 */
import type { ServerFrame } from '../../subjects/frames-server.ts'
import { partitionOf } from '../../subjects/partition.ts'
import { isTombstone, type SessionEvent, type SessionRecord } from '../../subjects/records.ts'
import { type PresenceSignal, presenceSignal } from '../../subjects/signals.ts'
import { presenceSubject, type SessionId } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { followRecords } from '../bus/follow.ts'
import { followSignals, publishSignal } from '../bus/signal.ts'
import { clientFrames, sandboxFrames } from '../session/frames.ts'
import { evolveView, type SessionView } from '../session/view.ts'
import { type Audience, makeAudience } from './audience.ts'
import type { ClientPeer } from './client-peer.ts'
import type { Edge } from './edge.ts'
import { RECENT_BYTES, RECENT_RECORDS } from './limits.ts'
import { makeRecent } from './recent.ts'
import { makeRoomPresence, type RoomPresence } from './room-presence.ts'
import { makeRoomText, type RoomText } from './room-text.ts'
import type { SandboxPeer, ToSandbox } from './sandbox-peer.ts'
import type { Socket } from './socket.ts'

/** What one record meant for those who look: JSON for clients, and what sandboxes act on. */
type Meaning = { readonly json: readonly string[]; readonly toSandbox: readonly ToSandbox[] }

export type Room = {
  readonly sid: SessionId
  readonly partition: number
  readonly clients: Set<ClientPeer>
  readonly sandboxes: Set<SandboxPeer>
  /** When somebody here last had the session warmed: typing is a hint, not worth a command each. */
  warmedAtMs: number
  readonly audience: Audience
  readonly presence: RoomPresence
  readonly text: RoomText
  /** Lets records out after `recordSeq`, of which `view` is the view. Only the first call counts. */
  start(view: SessionView, recordSeq: number): void
  /** Resolves once the record `recordSeq` is out. @throws when the room ends before */
  reach(recordSeq: number): Promise<void>
  /** What all records after `recordSeq` meant, or undefined when that is too far back. */
  meantSince(recordSeq: number): readonly Meaning[] | undefined
  /** The record that is out last, 0 before the start. */
  position(): number
  view(): SessionView | undefined
  /** Compares with the log now. */
  catchUp(): Promise<void>
  close(): void
}

export type RoomCallbacks = {
  /** Called once when the log cannot be followed; the room is closed by then. */
  readonly onBroken: (error: unknown) => void
  /** Called when the session is no more, after everybody was told what happened before. */
  readonly onDeleted: () => void
  readonly onSlow: (socket: Socket) => void
}

export const openRoom = (edge: Edge, bus: Bus, sid: SessionId, callbacks: RoomCallbacks): Room => {
  const clients = new Set<ClientPeer>()
  const sandboxes = new Set<SandboxPeer>()
  const recent = makeRecent<Meaning>({ records: RECENT_RECORDS, bytes: RECENT_BYTES })
  const audience = makeAudience(edge.app, sid, callbacks.onSlow)
  let view: SessionView | undefined
  let waiting: { readonly at: number; readonly done: PromiseWithResolvers<void> }[] = []

  const mean = (event: SessionEvent, json: string[], toSandbox: ToSandbox[]) => {
    const before = view as SessionView
    view = evolveView(before, event)
    for (const frame of clientFrames(before, view, event)) json.push(JSON.stringify(frame))
    toSandbox.push({ event, frames: sandboxFrames(view, event) })
  }
  const onRecord = (record: SessionRecord, sequence: number) => {
    const json: string[] = []
    const toSandbox: ToSandbox[] = []
    for (const event of record.events) mean(event, json, toSandbox)
    const bytes = json.reduce((sum, each) => sum + each.length, 0)
    recent.push(sequence, { json, toSandbox }, bytes)
    for (const each of json) audience.publish(each)
    for (const sandbox of sandboxes) sandbox.tell(toSandbox)
    for (const event of record.events) text.onStored(event)
    if (isTombstone(record)) callbacks.onDeleted()
    const reached = waiting.filter(each => each.at <= sequence)
    if (reached.length === 0) return
    waiting = waiting.filter(each => each.at > sequence)
    for (const each of reached) each.done.resolve()
  }
  const end = () => {
    follower.close()
    signals.close()
    presence.close()
    text.close()
    for (const each of waiting) each.done.reject(new Error('the room has ended'))
    waiting = []
  }
  const follower = followRecords(bus, sid, {
    onRecord,
    onBroken: error => {
      end()
      callbacks.onBroken(error)
    },
  })
  const publishFrame = (frame: ServerFrame) => audience.publish(JSON.stringify(frame))
  const presence = makeRoomPresence({
    edge: edge.name,
    own: () => [...clients].flatMap(client => (client.member ? [client.member] : [])),
    announce: (signal: PresenceSignal) => publishSignal(bus, presenceSubject(sid), signal),
    publish: publishFrame,
    after: (ms, act) => {
      const timer = setTimeout(act, ms)
      return () => clearTimeout(timer)
    },
  })
  const signals = followSignals(bus, presenceSubject(sid), presenceSignal, signal =>
    presence.hear(signal, edge.now()),
  )
  const text = makeRoomText(bus, sid, {
    view: () => view,
    publish: json => audience.publishPassing(json),
    onAsked: () => {
      for (const sandbox of sandboxes) sandbox.repeatText()
    },
  })

  return {
    sid,
    partition: partitionOf(sid),
    clients,
    warmedAtMs: 0,
    sandboxes,
    audience,
    presence,
    text,
    start: (startView, recordSeq) => {
      if (view) return
      view = startView
      recent.begin(recordSeq)
      follower.start(recordSeq)
      text.ask()
    },
    reach: recordSeq => {
      if (view && follower.position() >= recordSeq) return Promise.resolve()
      const done = Promise.withResolvers<void>()
      waiting.push({ at: recordSeq, done })
      // The record is in the log; what brings it here may have been lost.
      void follower.catchUp().catch(() => {})
      return done.promise
    },
    meantSince: recent.after,
    position: () => follower.position(),
    view: () => view,
    catchUp: () => follower.catchUp(),
    close: end,
  }
}
