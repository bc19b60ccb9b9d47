/**
 * The nats-server of a single machine as a service. It owns the process and the store's folder;
 * when the server dies, so does this, and whoever runs the Procfile starts both again on the
 * same port and store.
 */
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import type { Config } from '../../config/config.ts'
import { fail } from '../../subjects/errors.ts'
import type { Log } from '../telemetry/log.ts'
import { ensureNatsServer } from './nats-binary.ts'
import { startNatsServer } from './nats-server.ts'

/** Runs a nats-server until `signal` aborts; if NATS_URL names another, it only waits. */
export const runNats = async (config: Config, signal: AbortSignal, log: Log): Promise<void> => {
  if (!config.natsEmbedded) {
    log.info('NATS_URL is given, so no nats-server is started here')
    const awake = setInterval(() => {}, 60_000)
    if (!signal.aborted) await once(signal, 'abort')
    clearInterval(awake)
    return
  }
  const program = await ensureNatsServer(process.env, sentence => log.info(sentence))
  const { child, url } = await startNatsServer({
    program,
    folder: join(config.dataDir, 'nats'),
    port: config.natsPort,
    onLine: line => tellLine(line, log),
  })
  log.info(`listens on ${url}`)
  const ended = once(child, 'exit')
  if (signal.aborted) child.kill('SIGTERM')
  signal.addEventListener('abort', () => child.kill('SIGTERM'))
  const [code, killedBy] = await ended
  if (!signal.aborted) {
    throw fail('BUS_UNAVAILABLE', {
      message: `nats-server ended (${killedBy ?? `exit code ${code}`})`,
    })
  }
}

/** nats-server's lines read `[pid] date time [LEVEL] text`; only trouble is worth repeating. */
const tellLine = (line: string, log: Log): void => {
  const [, level = 'ERR', text = line] = /\[([A-Z]{3})\] (.*)$/.exec(line) ?? []
  if (level === 'WRN') log.warn(text)
  else if (level === 'ERR' || level === 'FTL') log.error(text)
  else log.debug(text)
}
