/**
 * Snapshots of sessions in SNAP, which keeps the two newest of each; what is too large for a message
 * lies in an object store, in one of two places that take turns, so that nothing there is ever left
 * behind without a name. Writing one needs the place of the one before it: of two owners that both
 * believe to be one, one fails.
 */
import type { MsgRequest, StoredMsg } from '@nats-io/jetstream'
import { headers } from '@nats-io/nats-core'
import { SNAPSHOT } from '../../subjects/headers.ts'
import { type SnapshotFacts, snapshotFacts, snapshotSlot } from '../../subjects/snapshots.ts'
import { SNAP, SNAPSHOT_BUCKET } from '../../subjects/streams.ts'
import { type SessionId, snapshotSubject } from '../../subjects/subjects.ts'
import type { Bus } from './connect.ts'
import { busFailure } from './failure.ts'
import { parseJson } from './json.ts'
import { openObjects } from './objects.ts'

/** Larger ones become objects: a server that nobody has configured takes 1 MiB with everything. */
export const INLINE_BYTES = 1_000_000
const PUBLISH_WITHIN_MS = 10_000

export type StoredSnapshot = SnapshotFacts & {
  /** Its sequence in SNAP. */
  readonly sequence: number
  /** The compressed file; undefined when the object is gone. */
  body(): Promise<Uint8Array | undefined>
}

/**
 * Stores a snapshot behind the one at `after` (0: as the first).
 * @returns its sequence in SNAP
 * @throws what NATS answers; 10071: somebody has written one meanwhile
 */
export const publishSnapshot = async (
  bus: Bus,
  sid: SessionId,
  snapshot: { readonly facts: SnapshotFacts; readonly body: Uint8Array; readonly after: number },
): Promise<number> => {
  const { facts, body, after } = snapshot
  if (facts.slot) {
    const objects = await openObjects(bus, SNAPSHOT_BUCKET)
    await objects.putBytes(objectName(sid, facts.slot), body)
  }
  const head = headers()
  head.set(SNAPSHOT, JSON.stringify(facts))
  const ack = await bus.js.publish(snapshotSubject(sid), facts.slot ? new Uint8Array() : body, {
    headers: head,
    expect: { lastSubjectSequence: after },
    timeout: PUBLISH_WITHIN_MS,
  })
  return ack.seq
}

/**
 * The snapshots of a session, newest first, read from the leader.
 * @throws code BUS_UNAVAILABLE
 */
export const snapshotsOf = async (bus: Bus, sid: SessionId): Promise<StoredSnapshot[]> => {
  const subject = snapshotSubject(sid)
  try {
    const newest = await bus.jsm.streams.getMessage(SNAP, { last_by_subj: subject })
    if (!newest) return []
    // The client's type does not know it, the server does.
    const first = { seq: 1, next_by_subj: subject } as MsgRequest
    const oldest = await bus.jsm.streams.getMessage(SNAP, first)
    const messages = oldest && oldest.seq !== newest.seq ? [newest, oldest] : [newest]
    return messages.flatMap(message => readSnapshot(bus, sid, message) ?? [])
  } catch (error) {
    throw busFailure(error)
  }
}

const readSnapshot = (bus: Bus, sid: SessionId, message: StoredMsg): StoredSnapshot | undefined => {
  const text = message.header.get(SNAPSHOT)
  const parsed = parseJson(snapshotFacts, new TextEncoder().encode(text))
  if (!parsed.ok) return undefined
  const { slot } = parsed.value
  const body = async () => {
    if (!slot) return message.data
    const objects = await openObjects(bus, SNAPSHOT_BUCKET)
    return objects.getBytes(objectName(sid, slot))
  }
  return { ...parsed.value, sequence: message.seq, body }
}

/** Removes all snapshots of a session. */
export const removeSnapshots = async (bus: Bus, sid: SessionId): Promise<void> => {
  const objects = await openObjects(bus, SNAPSHOT_BUCKET)
  for (const slot of snapshotSlot.options) await objects.remove(objectName(sid, slot))
  await bus.jsm.streams.purge(SNAP, { filter: snapshotSubject(sid) })
}

const objectName = (sid: SessionId, slot: string): string => `${sid}.${slot}`
