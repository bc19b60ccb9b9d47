/**
 * The bus: one NATS connection per process with its JetStream clients. This room knows how to write
 * a command, ask an owner, follow a session's records and do jobs; what any of them mean is decided
 * elsewhere. When the connection breaks it is made again for ever; whatever was under way fails with
 * a code that says "try again".
 */
import {
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream'
import type { NatsConnection, Server } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { type Elections, followElections } from './elections.ts'
import { steadyMs } from './retry.ts'

export type Bus = {
  readonly nc: NatsConnection
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  readonly elections: Elections
  /** The name that nats-server shows for this connection. */
  readonly name: string
  /** Sends what is pending, ends the subscriptions, closes. Never throws, waits at most 2 s. */
  close(): Promise<void>
}

/** How long a JetStream request waits for its answer. */
const REQUEST_TIMEOUT_MS = 3_000
const CLOSE_WITHIN_MS = 2_000

/** Between two attempts to reach the same server, and by chance up to as much again. */
const DIAL_AGAIN_MS = 100

/**
 * Pauses between attempts, by the steady clock. The client's own are measured by the wall clock: once that is
 * set back by an hour, a connection that breaks is not made again for an hour.
 */
const steadyPauses = () => {
  const dialledMs = new Map<string, number>()
  return {
    // Its own pause is over at once, whatever the wall clock says.
    reconnectDelayHandler: () => Number.NEGATIVE_INFINITY,
    reconnectToServer: ([server]: readonly Server[]) => {
      if (!server) return null
      const dueMs =
        (dialledMs.get(server.listen) ?? Number.NEGATIVE_INFINITY) +
        DIAL_AGAIN_MS * (1 + Math.random())
      const delay = Math.max(0, dueMs - steadyMs())
      dialledMs.set(server.listen, steadyMs() + delay)
      return { server, delay }
    },
  }
}

const later = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms).unref())

/**
 * Connects, waiting for as long as the server is not there yet, and from then on reconnects for ever.
 * @param options.url e.g. `nats://127.0.0.1:4222`, several separated by commas
 */
export const connectBus = async (options: {
  readonly url: string
  readonly name: string
}): Promise<Bus> => {
  const nc = await connect({
    servers: options.url.split(',').map(server => server.trim()),
    name: options.name,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true,
    ...steadyPauses(),
    pingInterval: 10_000,
    maxPingOut: 2,
    timeout: 5_000,
    // Else every request captures a stack in case it fails: an eighth of an owner's work.
    noAsyncTraces: true,
  })
  const settings = { timeout: REQUEST_TIMEOUT_MS, checkAPI: false } as const
  return {
    nc,
    js: jetstream(nc, settings),
    jsm: await jetstreamManager(nc, settings),
    elections: followElections(nc),
    name: options.name,
    close: async () => {
      // A drain waits for the server, which may be gone for good: then close without it.
      await Promise.race([nc.drain().catch(() => {}), later(CLOSE_WITHIN_MS)])
      await nc.close().catch(() => {})
    },
  }
}
