/** Records on their way from the log, or from memory, into rows. */
import { fail } from '../../../subjects/errors.ts'
import type { SessionRecord } from '../../../subjects/records.ts'
import type { SessionId } from '../../../subjects/subjects.ts'
import type { Bus } from '../../bus/connect.ts'
import { recordsSince, type StoredRecord } from '../../bus/newest.ts'
import type { SessionStore } from '../../store/session-store.ts'
import { isBeginning } from '../journal.ts'

/** Records per transaction. */
const BATCH = 500

/** What the log has behind a record; behind 0, all of it. @throws code LOG_INCOMPLETE */
export async function* fromLog(
  bus: Bus,
  sid: SessionId,
  after: number,
): AsyncGenerator<StoredRecord> {
  let isFirst = after === 0
  for await (const stored of recordsSince(bus, sid, after)) {
    if (isFirst && !isBeginning(stored.record)) throw fail('LOG_INCOMPLETE', { sid })
    isFirst = false
    yield stored
  }
}

/** Applies entries in order and in batches; `note` is called for each that is in the file. */
export const write = async (
  rows: SessionStore,
  entries: Iterable<StoredRecord> | AsyncIterable<StoredRecord>,
  note: (sequence: number, record: SessionRecord) => void,
) => {
  let batch: StoredRecord[] = []
  const flush = async () => {
    if (batch.length > 0) await rows.apply(batch)
    for (const { sequence, record } of batch) note(sequence, record)
    batch = []
  }
  for await (const { sequence, record } of entries) {
    batch.push({ sequence, record })
    if (batch.length >= BATCH) await flush()
  }
  await flush()
}
