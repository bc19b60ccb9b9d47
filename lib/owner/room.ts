/** What every part of an owner works with. Made once per process, in run.ts. */
import type { LimitFunction } from 'p-limit'
import type { SessionId } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import type { Policy } from '../session/policy.ts'
import type { Log } from '../telemetry/log.ts'
import type { Lease } from './ownership/lease.ts'
import type { Projection } from './rows/projection.ts'

/** The points between which a process may die; tests stop there. In the order of their coming. */
export const STEPS = ['taken', 'decided', 'committed', 'armed', 'emitted', 'answered'] as const
export type Step = (typeof STEPS)[number]
/** Called at each step of a command, and waited for. */
export type AtStep = (
  step: Step,
  at: { readonly sid: SessionId; readonly commandSequence: number },
) => void | Promise<void>

export type OwnerRoom = {
  readonly bus: Bus
  readonly log: Log
  readonly lease: Lease
  readonly projection: Projection
  readonly policy: Policy
  /** SHA-256 (hex) of the token that the sandbox of a generation presents. */
  readonly tokenHash: (sid: SessionId, generation: number) => string
  /**
   * Lets so many decisions be under way at a time, first come, first served. A backlog may hold a command of
   * each of a hundred thousand sessions: begun all at once, their requests would all be answered too late.
   */
  readonly deciding: LimitFunction
  readonly sessionIdleMs: number
  /** What the log's leader says is never old: there is one nats-server. */
  readonly readsAreCurrent: boolean
  /** Milliseconds since the epoch, by the nats-servers' clock, as the times of commands are. */
  readonly nowMs: () => number
  readonly at: AtStep
}
