/**
 * The folder of one owner process, `DATA_DIR/owner/<slot>`: session files and the owner's name.
 *
 * At most one process uses a slot. The lock is an open SQLite transaction, so the operating system
 * gives it back at the very moment the process dies, however it dies, and a process that merely
 * hangs keeps it. Hence whoever holds the slot knows that its former user is dead, and may go on
 * under the same name at once instead of waiting for that one's lease to run out. The name holds
 * the host's, so that a copied folder does not make two owners of the same name.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { fail } from '../../../subjects/errors.ts'
import { takeLock } from '../../process/lock.ts'

export type Slot = {
  readonly folder: string
  /** The owner's name, the same after every restart in this slot. */
  readonly owner: string
  /** Differs with every start of a process. */
  readonly incarnation: string
  release(): void
}

const MOST_SLOTS = 64

const identity = z.object({ host: z.string(), owner: z.string().regex(/^[\w-]{1,64}$/) })

/**
 * Takes the first slot that no living process uses.
 * @throws code CONFIG_INVALID when all are taken; what the file system throws when it cannot write
 */
export const takeSlot = (dataDir: string): Slot => {
  for (let n = 0; n < MOST_SLOTS; n++) {
    const folder = join(dataDir, 'owner', String(n))
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const lock = takeLock(join(folder, 'lock'))
    if (!lock) continue
    return {
      folder,
      owner: nameIn(folder),
      incarnation: randomBytes(8).toString('hex'),
      release: lock.release,
    }
  }
  throw fail('CONFIG_INVALID', {
    message: `all ${MOST_SLOTS} owner slots of ${dataDir} are in use`,
  })
}

const nameIn = (folder: string): string => {
  const file = join(folder, 'owner.json')
  const host = hostname()
  const known = readIdentity(file)
  if (known?.host === host) return known.owner
  const owner = `o${randomBytes(6).toString('hex')}`
  writeFileSync(`${file}.new`, JSON.stringify({ host, owner }), { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return owner
}

const readIdentity = (file: string): z.infer<typeof identity> | undefined => {
  try {
    return identity.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data
  } catch {
    return undefined
  }
}
