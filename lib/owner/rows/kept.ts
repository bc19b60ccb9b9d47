/**
 * The rows of a session as they were kept: in a file of this machine, if it is as it was closed and
 * stands on this very log, else in the newest snapshot that does. What is of no use is removed, or
 * set aside where somebody may want to look at it.
 */
import type { SessionId } from '../../../subjects/subjects.ts'
import type { Bus } from '../../bus/connect.ts'
import { recordAt, type StoredRecord } from '../../bus/newest.ts'
import { removeDatabase, setAside } from '../../store/database.ts'
import { checkSeal, removeSeal } from '../../store/seal.ts'
import { openSessionStore, type SessionStore } from '../../store/session-store.ts'
import type { Log } from '../../telemetry/log.ts'
import { lineageOf, type Notes, readNotes } from './notes.ts'
import { restoreSnapshot, type Stands } from './snapshot.ts'

export type KeptRows = { readonly rows: SessionStore; readonly notes: Notes }

export type Kept = {
  /**
   * Opens what is kept, if anything is.
   * @param options.snapshots false when there can be none
   * @param options.newest the session's newest record, where it is known: it need not be read again
   * @throws codes BUS_UNAVAILABLE, STORE_TOO_NEW; what the file system answers
   */
  find(options: {
    readonly snapshots: boolean
    readonly newest?: StoredRecord | undefined
  }): Promise<KeptRows | undefined>
  /** Opens an empty file. To be called when nothing was found. */
  begin(): Promise<SessionStore>
  readonly stands: Stands
}

export const openKept = (
  bus: Bus,
  options: {
    readonly sid: SessionId
    readonly folder: string
    readonly file: string
    /** Lets one file be opened at a time. */
    readonly gate: <T>(open: () => Promise<T>) => Promise<T>
    readonly log: Log
  },
): Kept => {
  const { sid, folder, file, gate, log } = options

  const begin = () => gate(() => openSessionStore(folder, sid))
  const standsOn = (newest?: StoredRecord): Stands => {
    return async ({ applied, lineage }) => {
      if (applied === 0) return false
      const isNewest = newest?.sequence === applied
      const record = isNewest ? newest.record : await recordAt(bus, sid, applied)
      return record !== undefined && lineageOf(record) === lineage
    }
  }
  const sealed = async (stands: Stands): Promise<Notes | undefined> => {
    const seal = await checkSeal(file)
    if (seal.state === 'broken') {
      const error = await setAside(file, 'it is not as it was closed')
      log.error({ sid }, error.message)
    }
    const notes = seal.state === 'whole' ? readNotes(seal.notes) : undefined
    if (!notes || (await stands(notes))) return notes
    log.warn({ sid, record: notes.applied }, 'rows of another log, or ahead of it')
    return undefined
  }
  const fromFile = async (stands: Stands): Promise<KeptRows | undefined> => {
    const notes = await sealed(stands)
    await removeSeal(file)
    if (notes) return openAt(notes)
    await removeDatabase(file)
    return undefined
  }
  const openAt = async (notes: Notes): Promise<KeptRows | undefined> => {
    const rows = await begin()
    if (rows.appliedSequence() === notes.applied) return { rows, notes }
    log.warn({ sid, record: notes.applied }, 'rows of another record than they should be')
    await rows.destroy()
    return undefined
  }
  return {
    find: async ({ snapshots, newest }) => {
      const stands = standsOn(newest)
      const found = await fromFile(stands)
      if (found || !snapshots) return found
      const notes = await restoreSnapshot(bus, sid, { file, stands, log })
      return notes && openAt(notes)
    },
    begin,
    stands: standsOn(),
  }
}
