/**
 * Entry of a sandbox's bridge; see bridge.ts. Its last line on standard error says why it ended.
 * Exit codes: 0 asked to end, 3 not wanted any more, 1 anything else.
 */
import { fstatSync, ftruncateSync } from 'node:fs'
import { runBridge } from './bridge.ts'
import { readBridgeEnvironment } from './environment.ts'

const MAX_LOG_BYTES = 2 * 1024 ** 2

/** Writes a line; a log *file* that has grown too long is begun anew. */
const log = (line: string): void => {
  try {
    const stat = fstatSync(2)
    if (stat.isFile() && stat.size > MAX_LOG_BYTES) ftruncateSync(2, 0)
    process.stderr.write(`${new Date().toISOString()} ${line}\n`)
  } catch {
    // A log that cannot be written must not end a run.
  }
}

const controller = new AbortController()
process.on('SIGTERM', () => controller.abort())
process.on('SIGINT', () => controller.abort())
process.stderr.on('error', () => {})

try {
  const environment = readBridgeEnvironment(process.env)
  const end = await runBridge({ environment, signal: controller.signal, log })
  log(end.reason)
  process.exit(end.refused ? 3 : 0)
} catch (error) {
  log(error instanceof Error ? (error.stack ?? error.message) : String(error))
  process.exit(1)
}
