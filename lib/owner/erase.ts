/**
 * Removes what is left of a deleted session, but for the one record that says that it was deleted: by
 * that everybody knows it as unknown. Done again until it has been done whole.
 */
import { EVT, KV_READS, TMR } from '../../subjects/streams.ts'
import {
  fireSubject,
  readsOf,
  recordSubject,
  type SessionId,
  timersOf,
} from '../../subjects/subjects.ts'
import { removeSnapshots } from '../bus/snapshots.ts'
import type { OwnerRoom } from './room.ts'

/** @throws what NATS answers or the file system throws: then it is to be done again */
export const eraseSession = async (
  { bus, projection }: Pick<OwnerRoom, 'bus' | 'projection'>,
  sid: SessionId,
): Promise<void> => {
  const { streams } = bus.jsm
  await projection.discard(sid)
  await streams.purge(TMR, { filter: timersOf(sid) })
  await streams.purge(TMR, { filter: fireSubject(sid) })
  await removeSnapshots(bus, sid)
  await streams.purge(KV_READS, { filter: readsOf(sid) })
  await streams.purge(EVT, { filter: recordSubject(sid), keep: 1 })
}
