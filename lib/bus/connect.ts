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
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { type Elections, followElections } from './elections.ts'

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
    reconnectTimeWait: 100,
    reconnectJitter: 100,
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
