/** The rows of a session made anew from what NATS holds, as an owner does that has lost its folder. */
import type { SessionId } from '../../../subjects/subjects.ts'
import type { Bus } from '../../bus/connect.ts'
import { newestRecord } from '../../bus/newest.ts'
import { dumpRows, type RowDump } from '../../store/dump.ts'
import { sessionFile } from '../../store/session-database.ts'
import type { Log } from '../../telemetry/log.ts'
import { openProjection } from './projection.ts'

/**
 * Builds a session from its newest snapshot and the log behind it.
 * @param options.folder an empty one, to be removed afterwards
 * @throws codes SESSION_NOT_FOUND, BUS_UNAVAILABLE, LOG_INCOMPLETE
 */
export const rebuildRows = async (
  bus: Bus,
  sid: SessionId,
  options: { readonly folder: string; readonly log: Log },
): Promise<RowDump> => {
  const newest = await newestRecord(bus, sid)
  const projection = openProjection(bus, options)
  try {
    await projection.use(sid, newest?.sequence ?? 0, async () => {})
  } finally {
    await projection.close()
  }
  return dumpRows(sessionFile(options.folder, sid))
}
