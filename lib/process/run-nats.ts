/**
 * A nats-server of this machine as a service: the only one, or one of several that form a cluster, as
 * they would on machines of their own. It owns the process and the store's folder;
 * when the server dies, so does this, and whoever runs the Procfile starts both again on the
 * same port and store.
 *
 * A server that could not write to a stream, because its disk was full, serves that stream no more, and
 * soon none, whatever becomes free, until it is started again. So it is ended as soon as there is room.
 */
import { once } from 'node:events'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import type { Config } from '../../config/config.ts'
import { fail } from '../../subjects/errors.ts'
import type { Log } from '../telemetry/log.ts'
import { ensureNatsServer } from './nats-binary.ts'
import {
  endNatsServer,
  type NatsOptions,
  retireNatsServer,
  startNatsServer,
} from './nats-server.ts'

/** The servers of a cluster speak to each other this far above the ports for clients. */
const CLUSTER_PORTS_ABOVE = 2_000

/** What a server says when it gives up a stream, or all of them. */
const GAVE_UP = /critical write error|will be DISABLED/i
/** With less than this it would soon give up again: it writes blocks of up to 8 MB. */
const ROOM_MB = 16
const LOOK_EVERY_MS = 1_000

const freeMegabytes = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder)
  return (bavail * bsize) / 1024 ** 2
}

/** Port, store and peers of the server `number` (1, 2 …) of this machine. */
export const natsNode = (
  config: Pick<Config, 'dataDir' | 'natsPort' | 'natsNodes'>,
  number: number,
): Pick<NatsOptions, 'folder' | 'port' | 'node'> => {
  const { natsPort, natsNodes, dataDir } = config
  if (!Number.isInteger(number) || number < 1 || number > natsNodes) {
    throw fail('CONFIG_INVALID', {
      message: `There is no nats-server ${number} of ${natsNodes}: set NATS_NODES to how many there are.`,
    })
  }
  const port = natsPort + number - 1
  if (natsNodes === 1) return { folder: join(dataDir, 'nats'), port }
  const ports = Array.from({ length: natsNodes }, (_, i) => natsPort + CLUSTER_PORTS_ABOVE + i)
  const node = { name: `n${number}`, port: port + CLUSTER_PORTS_ABOVE, ports }
  return { folder: join(dataDir, `nats-${number}`), port, node }
}

/**
 * Runs the nats-server `number` until `signal` aborts; if NATS_URL names another, it only waits.
 * @throws code `CONFIG_INVALID` when NATS_NODES has no such number
 */
export const runNats = async (
  config: Config,
  signal: AbortSignal,
  log: Log,
  number = 1,
): Promise<void> => {
  if (!config.natsEmbedded) {
    log.info('NATS_URL is given, so no nats-server is started here')
    const awake = setInterval(() => {}, 60_000)
    if (!signal.aborted) await once(signal, 'abort')
    clearInterval(awake)
    return
  }
  const program = await ensureNatsServer(process.env, sentence => log.info(sentence))
  const node = natsNode(config, number)
  const gaveUp = new AbortController()
  const { child, url } = await startNatsServer({
    program,
    ...node,
    onLine: line => {
      tellLine(line, log)
      if (GAVE_UP.test(line)) gaveUp.abort()
    },
  })
  log.info(`listens on ${url}`)
  const ended = once(child, 'exit')
  const startAgain = async () => {
    log.error(`${node.folder} cannot be written: it goes on by itself once ${ROOM_MB} MB are free`)
    while (!signal.aborted && (await freeMegabytes(node.folder)) < ROOM_MB) {
      await delay(LOOK_EVERY_MS, undefined, { ref: false })
    }
    await endNatsServer(child)
  }
  if (gaveUp.signal.aborted) void startAgain()
  gaveUp.signal.addEventListener('abort', () => void startAgain())
  const stop = () => void (node.node ? retireNatsServer(child) : endNatsServer(child))
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop)
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
