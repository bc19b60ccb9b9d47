/**
 * The api: REST, signing in, and the page.
 *
 * It owns nothing but an index of the sessions for lists, a copy of what IDX holds, which it can make
 * again at any time. It decides nothing about a session: what it is asked to do becomes a command,
 * what it is asked to show is a question to the session's owner. When it dies, requests under way
 * fail, sockets that it forwards break and are made again by their clients, and nothing is lost; any
 * number of apis can run side by side.
 */
import { join } from 'node:path'
import { Kvm } from '@nats-io/kv'
import type { Config } from '../../config/config.ts'
import { fail } from '../../subjects/errors.ts'
import { AUTH_BUCKET, REPOS_BUCKET } from '../../subjects/streams.ts'
import { followTime } from '../bus/clock.ts'
import { connectBus } from '../bus/connect.ts'
import { declareStreams } from '../bus/declare.ts'
import { patiently } from '../bus/failure.ts'
import { runCallbacks } from '../callbacks/run.ts'
import type { Log } from '../telemetry/log.ts'
import { buildApp } from './app.ts'
import { bundleConsole } from './console.ts'
import { forwardUpgrades } from './forward.ts'
import { openReadStates } from './read-model/read-states.ts'
import { openSessionIndex } from './read-model/session-index.ts'

/** Where the edges of this machine listen: the api and its edge share HOST, but 0.0.0.0 is no target. */
const reachable = (host: string): string =>
  host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host

/** Runs until `signal` aborts. */
export const runApi = async (config: Config, signal: AbortSignal, log: Log): Promise<void> => {
  const instance = config.instance ?? '0'
  const bundling = bundleConsole()
  // Awaited below; until then its failure is nobody's.
  bundling.catch(() => {})
  const bus = await connectBus({ url: config.natsUrl, name: `api-${instance}` })
  await declareStreams(bus, { replicas: config.natsReplicas })
  const index = await openSessionIndex(bus, join(config.dataDir, 'api', instance), log)
  const codes = await patiently(() => new Kvm(bus.js).open(AUTH_BUCKET))
  const repos = await patiently(() => new Kvm(bus.js).open(REPOS_BUCKET))
  const reads = openReadStates(bus)
  const room = { bus, config, codes, repos, index, reads, nowMs: await followTime(bus) }
  const app = await buildApp(room, await bundling, log)
  const pipes = forwardUpgrades(app.server, {
    host: reachable(config.host),
    ports: Array.from({ length: config.edges }, (_, i) => config.edgePort + i),
  })
  try {
    const where = { host: config.host, port: config.port }
    const listenTextResolver = (listening: string) => `listens on ${listening}`
    await app.listen({ ...where, listenTextResolver }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      throw fail('PORT_IN_USE', {
        message: `Port ${config.port} is in use: stop what uses it, or set PORT to another.`,
      })
    })
    // Callbacks to bots ride along: they need no process of their own. Ends when `signal` aborts.
    await runCallbacks({ bus, config, signal, log })
  } finally {
    const closing = app.close()
    pipes.close()
    await closing
    await index.close()
    await bus.close()
  }
}
