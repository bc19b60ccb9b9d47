/** What every resource of the api works with. */
import type { KV } from '@nats-io/kv'
import type { Config } from '../../config/config.ts'
import type { Bus } from '../bus/connect.ts'
import type { ReadStates } from './read-model/read-states.ts'
import type { SessionIndex } from './read-model/session-index.ts'
import type { App } from './zod-validation.ts'

export type Room = {
  readonly bus: Bus
  readonly config: Config
  /** One-time codes, shared by every api process. */
  readonly codes: KV
  /** What is known of repositories. */
  readonly repos: KV
  readonly index: SessionIndex
  readonly reads: ReadStates
  /** Milliseconds since the epoch, by the nats-servers' clock. */
  readonly nowMs: () => number
}

/** A resource: adds its routes. */
export type Resource = (app: App, room: Room) => void
