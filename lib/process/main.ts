/**
 * The life of every process: it starts a service, asks it to stop on the first signal, and ends
 * it by force when it does not stop in time.
 *
 * A service gets an AbortSignal, runs until that aborts, finishes what it holds, and resolves.
 * Nothing here may be relied on to happen: a process can also be killed, and the next one has to
 * go on from what was stored.
 */
import { setMaxListeners } from 'node:events'
import process from 'node:process'
import type { Config } from '../../config/config.ts'
import { type Log, makeLog } from '../telemetry/log.ts'

export type Run = (config: Config, signal: AbortSignal, log: Log) => Promise<void>

/** How long a service may take to finish what it holds. */
const GRACE_MS = 8_000

/** Set by cmd/up.ts: its end closes our standard input, and then we stop as well. */
export const SUPERVISED = 'SUPERVISED'

/** What a person should read of an error: the sentence of an expected one, the stack of others. */
export const tell = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const expected = (error.cause as { code?: unknown } | undefined)?.code !== undefined
  return expected ? error.message : (error.stack ?? error.message)
}

// At import, because the arguments of `main` are evaluated before it is called, and reading the
// configuration is one of them.
let log: Log | undefined
const die = (error: unknown) => {
  if (log) log.fatal(tell(error))
  else process.stderr.write(`${tell(error)}\n`)
  process.exit(1)
}
process.on('uncaughtException', die)
process.on('unhandledRejection', die)

/**
 * Runs a service as this process and exits when it has ended: with 0 if it was asked to stop,
 * with 1 if it failed, ended by itself, did not stop within 8 s or was signalled twice.
 */
export const main = async (name: string, config: Config, run: Run): Promise<never> => {
  const ownLog = makeLog(name, config)
  log = ownLog
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  const onStop = (why: string) => {
    if (stop.signal.aborted) {
      ownLog.warn(`stopped hard (${why})`)
      process.exit(1)
    }
    ownLog.debug(`stopping (${why})`)
    setTimeout(() => {
      ownLog.error(`did not stop within ${GRACE_MS / 1000} s and is ended`)
      process.exit(1)
    }, GRACE_MS).unref()
    stop.abort()
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onStop)
  if (process.env[SUPERVISED]) {
    process.stdin.once('end', () => stop.signal.aborted || onStop('its supervisor is gone'))
    process.stdin.once('error', () => {})
    process.stdin.resume()
  }
  try {
    await run(config, stop.signal, ownLog)
  } catch (error) {
    die(error)
  }
  if (!stop.signal.aborted) ownLog.error('ended without being asked to')
  process.exit(stop.signal.aborted ? 0 : 1)
}
