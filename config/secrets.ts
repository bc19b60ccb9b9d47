/**
 * The secrets of a development machine: made once, kept in the data folder with owner-only
 * rights, the same for every process that starts there, also for several at once.
 */
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const secrets = z.object({
  INTERNAL_CALLBACK_SECRET: z.string().min(1),
  TOKEN_ENCRYPTION_KEY: z.string().min(1),
})

export type Secrets = z.output<typeof secrets>

/**
 * Reads `secrets.json` of folder `dataDir`, and makes it if it is not there.
 *
 * @throws code `DATA_DIR_UNUSABLE` when the folder or the file cannot be used.
 */
export const developmentSecrets = (dataDir: string): Secrets => {
  const path = join(dataDir, 'secrets.json')
  try {
    return read(path) ?? make(dataDir, path)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const broken = (error as NodeJS.ErrnoException).code === undefined
    throw new Error(
      broken
        ? `The secrets in ${path} cannot be read (${why}): repair that file, or remove it to have new ones made.`
        : `The folder ${dataDir} (DATA_DIR) cannot be used (${why}): make it one that this user may write, or set DATA_DIR to another.`,
      { cause: { code: 'DATA_DIR_UNUSABLE', error } },
    )
  }
}

const read = (path: string): Secrets | undefined => {
  try {
    return secrets.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const make = (dataDir: string, path: string): Secrets => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const made: Secrets = {
    INTERNAL_CALLBACK_SECRET: randomBytes(32).toString('hex'),
    TOKEN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  }
  // A link appears at once and whole, and only if nothing has that name: of several processes
  // one wins, and the others read what it wrote.
  const draft = `${path}.${randomBytes(8).toString('hex')}`
  writeFileSync(draft, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  try {
    linkSync(draft, path)
    return made
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const theirs = read(path)
    if (!theirs) throw error
    return theirs
  } finally {
    rmSync(draft, { force: true })
  }
}
