/** A host of local sandboxes: it has a name, and one process that looks after them. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { takeLock } from '../../process/lock.ts'
import type { Log } from '../../telemetry/log.ts'

const LOCK_EVERY_MS = 500

/** The name of this host, made once and kept with its sandboxes. */
export const hostOf = async (folder: string): Promise<string> => {
  const path = join(folder, 'host')
  const made = `h${randomBytes(8).toString('hex')}`
  await writeFile(path, made, { flag: 'wx', mode: 0o600 }).catch(error => {
    if (error.code !== 'EEXIST') throw error
  })
  return (await readFile(path, 'utf8')).trim()
}

/** One process at a time looks after a folder of sandboxes; a second one stands by. */
export const lockOf = async (folder: string, signal: AbortSignal, log: Log) => {
  let told = false
  while (!signal.aborted) {
    const lock = takeLock(join(folder, 'lock'))
    if (lock) return lock
    if (!told)
      log.warn('another process looks after the sandboxes of this data folder: standing by')
    told = true
    await new Promise(resolve => setTimeout(resolve, LOCK_EVERY_MS))
  }
  return undefined
}
