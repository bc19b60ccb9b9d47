/**
 * The owner: the only process that decides. It takes commands out of the work queue, lets the core
 * (lib/session) say what they mean, and writes what it says as records; it answers questions about
 * sessions and keeps their rows. Several run at once and share the partitions among them.
 *
 * It must not be trusted to be alone: every commit is fenced by the log, every answer out of memory
 * by the lease. When it dies, its lease runs out, others take its partitions, and the work queue
 * gives them every command that it had not finished; the same process started again takes its own
 * partitions at once, because its slot proves that the former one is dead.
 */
import { join } from 'node:path'
import pLimit from 'p-limit'
import type { Config } from '../../config/config.ts'
import { sha256Hex } from '../auth/hash.ts'
import { sandboxToken } from '../auth/sandbox-token.ts'
import { followTime } from '../bus/clock.ts'
import { type Bus, connectBus } from '../bus/connect.ts'
import { declareStreams } from '../bus/declare.ts'
import { policyOf } from '../session/policy.ts'
import { prepareSessionDatabases } from '../store/session-database.ts'
import type { Log } from '../telemetry/log.ts'
import { openHolding } from './holding.ts'
import { followHandOvers } from './ownership/hand-over.ts'
import { takeLease } from './ownership/lease.ts'
import { followPartitions, type Partitions } from './ownership/partitions.ts'
import { takeSlot } from './ownership/slot.ts'
import type { AtStep, OwnerRoom } from './room.ts'
import { openProjection } from './rows/projection.ts'

export type OwnerConfig = Pick<
  Config,
  | 'dataDir'
  | 'natsUrl'
  | 'natsReplicas'
  | 'ownerLeaseMs'
  | 'sessionIdleMs'
  | 'internalCallbackSecret'
> &
  Parameters<typeof policyOf>[0]

/** More would only wait for the same nats-server. */
export const DECISIONS_AT_ONCE = 256

/** Runs until the signal aborts, then finishes what is being decided and lets go of everything. */
export const runOwner = async (
  config: OwnerConfig,
  signal: AbortSignal,
  log: Log,
  /** For tests that stop between two steps. */
  options: { readonly at?: AtStep; readonly nowMs?: () => number } = {},
): Promise<void> => {
  const slot = takeSlot(config.dataDir)
  try {
    const bus = await connectBus({ url: config.natsUrl, name: `owner ${slot.owner}` })
    try {
      await declareStreams(bus, { replicas: config.natsReplicas })
      await own(bus, config, signal, log, { ...options, ...slot })
    } finally {
      await bus.close()
    }
  } finally {
    slot.release()
  }
}

const own = async (
  bus: Bus,
  config: OwnerConfig,
  signal: AbortSignal,
  log: Log,
  options: {
    readonly owner: string
    readonly incarnation: string
    readonly folder: string
    readonly at?: AtStep
    readonly nowMs?: () => number
  },
) => {
  const { owner, incarnation } = options
  const ended = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => ended.resolve(), { once: true })
  if (signal.aborted) ended.resolve()
  let partitions: Partitions | undefined

  // All before anybody knows of this process: from then on partitions are let go for it.
  await prepareSessionDatabases()
  const nowMs = options.nowMs ?? (await followTime(bus))
  const handOvers = followHandOvers(bus, owner)
  const lease = await takeLease(bus, {
    owner,
    incarnation,
    leaseMs: config.ownerLeaseMs,
    log,
    onLost: async () => partitions?.confirm(),
    onUsurped: error => ended.reject(error),
  })
  const projection = openProjection(bus, {
    folder: join(options.folder, 'sessions'),
    log,
    idleMs: config.sessionIdleMs,
  })
  const room: OwnerRoom = {
    bus,
    log,
    lease,
    projection,
    policy: policyOf(config),
    tokenHash: (sid, generation) =>
      sha256Hex(sandboxToken(config.internalCallbackSecret, sid, generation)),
    deciding: pLimit(DECISIONS_AT_ONCE),
    sessionIdleMs: config.sessionIdleMs,
    readsAreCurrent: config.natsReplicas === 1,
    nowMs,
    at: options.at ?? (() => {}),
  }
  partitions = await followPartitions(bus, lease, {
    open: (claim, more) => openHolding(room, claim, more),
    handOvers,
    log,
  })
  log.info({ owner, incarnation }, 'owner started')
  try {
    await ended.promise
    await lease.leave()
    await partitions.leave()
  } finally {
    await partitions.close()
    handOvers.close()
    await lease.release()
    await projection.close()
    log.info({ owner }, 'owner stopped')
  }
}
