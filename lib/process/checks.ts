/** What cmd/up.ts makes sure of before it starts anything, each failure with a way out. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fail } from '../../subjects/errors.ts'
import { requirePort } from './free-port.ts'
import { takeLock } from './lock.ts'

/**
 * Makes the data folder with owner-only rights and takes it for as long as this process lives.
 *
 * @throws code `DATA_DIR_UNUSABLE`
 */
export const takeDataDir = (dataDir: string): void => {
  let lock: ReturnType<typeof takeLock>
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    lock = takeLock(join(dataDir, 'up.lock'))
  } catch (error) {
    throw fail('DATA_DIR_UNUSABLE', {
      message: `The folder ${dataDir} (DATA_DIR) cannot be written (${(error as Error).message}): make it writable, or set DATA_DIR to another folder.`,
      error,
    })
  }
  if (lock) return
  throw fail('DATA_DIR_UNUSABLE', {
    message: `Another npm start is running on ${dataDir} (DATA_DIR): stop it first, or set DATA_DIR and the ports to others.`,
  })
}

export type WantedPort = {
  /** The setting that it comes from, for the sentence. */
  readonly variable: string
  readonly port: number
  readonly host: string
}

/**
 * Makes sure that ports can be listened on. What an earlier start left behind may still be
 * stopping; it gets `patienceMs` for all of them together.
 *
 * @throws code `PORT_IN_USE`
 */
export const requirePorts = async (ports: readonly WantedPort[], patienceMs: number) => {
  const untilMs = performance.now() + patienceMs
  for (const { variable, port, host } of ports) {
    for (;;) {
      try {
        await requirePort(variable, port, host)
        break
      } catch (error) {
        if (performance.now() >= untilMs) throw error
        await delay(100)
      }
    }
  }
}
