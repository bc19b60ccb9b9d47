/**
 * The log of a session, as the checks read it: whole, from its beginning. The one place to change when a log
 * may begin with a snapshot.
 */
import type { Bus } from '../../lib/bus/connect.ts'
import { recordsAfter, type StoredRecord } from '../../lib/bus/newest.ts'

export const readLog = (bus: Bus, sid: string): Promise<StoredRecord[]> =>
  Array.fromAsync(recordsAfter(bus, sid, 0))

export type Logs = ReadonlyMap<string, readonly StoredRecord[]>

export const readLogs = async (bus: Bus, sids: readonly string[]): Promise<Logs> => {
  const logs = new Map<string, readonly StoredRecord[]>()
  for (const sid of sids) logs.set(sid, await readLog(bus, sid))
  return logs
}
