/**
 * A session's database file becomes a snapshot, and a snapshot a file again. What is stored is the file
 * itself, behind one record, with the core's state inside. After two of them the log before the older
 * one is cut. None of it is needed for a decision: what fails is logged, and tried with the next one.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import type { SnapshotFacts } from '../../../subjects/snapshots.ts'
import { EVT } from '../../../subjects/streams.ts'
import { recordSubject, type SessionId } from '../../../subjects/subjects.ts'
import type { Bus } from '../../bus/connect.ts'
import { isWrongSequence } from '../../bus/failure.ts'
import {
  INLINE_BYTES,
  publishSnapshot,
  type StoredSnapshot,
  snapshotsOf,
} from '../../bus/snapshots.ts'
import { digestOf } from '../../store/seal.ts'
import type { Log } from '../../telemetry/log.ts'
import { cutBefore, type Notes, nextSlot, noNotes, noteSnapshot } from './notes.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
const SETTINGS = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }

/** A file as it was read, and what was known of it then. */
export type Taken = { readonly bytes: Uint8Array; readonly digest: string; readonly notes: Notes }

/** Whether the session's log holds the record on which rows stand. @throws code BUS_UNAVAILABLE */
export type Stands = (at: Pick<Notes, 'applied' | 'lineage'>) => Promise<boolean>

/**
 * Stores a snapshot, unless SNAP has one of the same record or a newer one, and cuts the log.
 * @returns the notes as they are then, of the record of `taken`
 * @throws what NATS answers: then there may be a snapshot that nobody noted, which does no harm
 */
export const saveSnapshot = async (
  bus: Bus,
  sid: SessionId,
  taken: Taken,
  stands: Stands,
): Promise<Notes> => {
  const body = await compress(taken.bytes, SETTINGS)
  const put = async (known: Notes): Promise<Notes> => {
    const facts: SnapshotFacts = {
      v: 1,
      record: known.applied,
      lineage: known.lineage,
      digest: taken.digest,
      slot: body.length > INLINE_BYTES ? nextSlot(known) : null,
    }
    const after = known.snapshot?.sequence ?? 0
    return noteSnapshot(known, facts, await publishSnapshot(bus, sid, { facts, body, after }))
  }
  let notes: Notes
  try {
    notes = await put(taken.notes)
  } catch (error) {
    if (!isWrongSequence(error)) throw error
    // Another owner wrote one, or we did and were not answered.
    const known: Notes = { ...taken.notes, snapshot: await knownSnapshot(bus, sid, stands) }
    const isThere = (known.snapshot?.record ?? 0) >= known.applied
    notes = isThere ? known : await put(known)
  }
  return cutLog(bus, sid, notes)
}

/** What SNAP has. The record of one that the log does not reach counts as none. */
const knownSnapshot = async (
  bus: Bus,
  sid: SessionId,
  stands: Stands,
): Promise<Notes['snapshot']> => {
  const [newest, former] = await snapshotsOf(bus, sid)
  if (!newest) return null
  const { sequence, record, slot, lineage } = newest
  const isOurs = await stands({ applied: record, lineage })
  return { sequence, slot, record: isOurs ? record : 0, former: former?.record ?? 0 }
}

const cutLog = async (bus: Bus, sid: SessionId, notes: Notes): Promise<Notes> => {
  const first = cutBefore(notes)
  if (first === undefined) return notes
  await bus.jsm.streams.purge(EVT, { filter: recordSubject(sid), seq: first })
  return { ...notes, cut: first }
}

/**
 * Writes the newest snapshot that stands on the log into `file`.
 * @returns what is known of the file then; undefined when there is no such snapshot
 */
export const restoreSnapshot = async (
  bus: Bus,
  sid: SessionId,
  options: {
    readonly file: string
    readonly stands: Stands
    readonly log: Log
  },
): Promise<Notes | undefined> => {
  const { file, stands, log } = options
  const found = await snapshotsOf(bus, sid)
  for (const [n, snapshot] of found.entries()) {
    const { record, lineage, sequence, slot } = snapshot
    const at = { applied: record, lineage }
    const bytes = (await stands(at)) ? await fileOf(snapshot) : undefined
    if (!bytes) {
      log.warn({ sid, record }, 'snapshot of no use')
      continue
    }
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(file, bytes, { mode: 0o600 })
    const newest = found[0] === snapshot ? { sequence, record, slot } : undefined
    const former = found[n + 1]?.record ?? 0
    return { ...noNotes, ...at, snapshot: newest ? { ...newest, former } : null }
  }
  return undefined
}

/** The bytes of the file; undefined when they are not what was stored. */
const fileOf = async (snapshot: StoredSnapshot): Promise<Uint8Array | undefined> => {
  const body = await snapshot.body()
  const bytes = body && (await decompress(body).catch(() => undefined))
  return bytes && (await digestOf(bytes)) === snapshot.digest ? bytes : undefined
}
