/**
 * The logs of all sessions, whole, as the checks read them. They are read as they grow, because owners cut
 * what stands in snapshots; they leave the newest records, so that nothing is missed by who looks this often.
 */
import type { Bus } from '../../lib/bus/connect.ts'
import { recordsSince, type StoredRecord } from '../../lib/bus/newest.ts'

export type Logs = ReadonlyMap<string, readonly StoredRecord[]>

export type LogReader = {
  /** Everything up to now. @throws code LOG_INCOMPLETE when something was cut before it was read */
  readonly read: () => Promise<Logs>
  readonly end: () => void
}

const LOOK_EVERY_MS = 1_000

export const readLogs = (bus: Bus, sids: readonly string[]): LogReader => {
  const logs = new Map<string, StoredRecord[]>(sids.map(sid => [sid, []]))
  let reading: Promise<unknown> = Promise.resolve()

  const readOn = async () => {
    for (const [sid, records] of logs) {
      const position = records.at(-1)?.sequence ?? 0
      for await (const one of recordsSince(bus, sid, position)) records.push(one)
    }
  }
  const read = async (): Promise<Logs> => {
    const turn = reading.then(readOn, readOn)
    reading = turn.catch(() => {})
    await turn
    return logs
  }
  // While a nats-server is away nothing can be read, and nothing is cut either.
  const timer = setInterval(() => void read().catch(() => {}), LOOK_EVERY_MS)
  return { read, end: () => clearInterval(timer) }
}
