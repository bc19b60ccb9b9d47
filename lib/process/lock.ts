/**
 * A lock on a folder that one process at a time can hold, and that ends with the process however
 * it ends: an exclusive transaction on a small SQLite file, which is a lock of the system.
 */
import { DatabaseSync } from 'node:sqlite'

/** Takes the lock that is the file `path`, without waiting; undefined when another holds it. */
export const takeLock = (path: string): { release(): void } | undefined => {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw error
  }
  held.add(database)
  return {
    release: () => {
      held.delete(database)
      database.close()
    },
  }
}

/** A database that nobody refers to is closed by the garbage collector, and the lock with it. */
const held = new Set<DatabaseSync>()

const SQLITE_BUSY = 5
