/** What the parts of one edge process share. */
import type { TemplatedApp } from 'uWebSockets.js'
import type { Config } from '../../config/config.ts'
import type { Bus } from '../bus/connect.ts'
import type { Log } from '../telemetry/log.ts'
import type { Doorman } from './doorman.ts'
import type { IsKnown } from './known-sessions.ts'
import type { Rooms } from './rooms.ts'

export type EdgeConfig = Pick<
  Config,
  'natsUrl' | 'host' | 'edgePort' | 'clientAuthTimeoutMs' | 'warmThrottleMs' | 'instance'
>

export type Edge = {
  /** Unique per start of the process: announced with its sockets, so that those of a dead one expire. */
  readonly name: string
  readonly bus: Bus
  readonly config: EdgeConfig
  readonly log: Log
  readonly app: TemplatedApp
  readonly doorman: Doorman
  readonly rooms: Rooms
  readonly isKnown: IsKnown
  /** Milliseconds since the epoch, by the nats-servers' clock. */
  readonly now: () => number
  /** True once it is asked to stop: nobody new is let in. */
  isStopping(): boolean
}
