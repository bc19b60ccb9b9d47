/**
 * Takes a partition: first the key, whose stream sequence is the epoch, then the commands. A durable
 * consumer of its own for every epoch makes the work queue deliver again exactly what nobody has
 * acknowledged, in the order in which it was stored; waiting for redelivery to an old consumer would
 * reorder. A work queue allows one consumer per filter, so whoever finds another in the way removes
 * it, once it is sure that its own epoch is still the newest.
 */
import { AckPolicy, type ConsumerInfo, JetStreamApiError } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import { CMD, KV_OWN } from '../../../subjects/streams.ts'
import { partitionSubject, storedCommands } from '../../../subjects/subjects.ts'
import type { Bus } from '../../bus/connect.ts'
import { ledBy } from '../../bus/elections.ts'
import { isWrongSequence } from '../../bus/failure.ts'
import { consumerName, type PartitionValue, partitionValue, readOwnValue } from './own-keys.ts'
import type { PartitionEntry } from './own-watch.ts'

/**
 * How many commands of one partition may be with the owner at once. So many that no session fills
 * it alone and keeps the others from their commands; the owner has most of them by number only.
 */
export const MOST_HELD = 50_000
/** Nobody may rely on this: a command that is not acknowledged comes back with the next epoch. */
export const ACK_WAIT_MS = 300_000
const CONSUMER_NOT_FOUND = 10_014
/** "multiple non-filtered consumers" and "filtered consumer not unique on workqueue stream". */
const IN_THE_WAY: ReadonlySet<number> = new Set([10_099, 10_100])
const TRIES = 10

export type Identity = { readonly owner: string; readonly incarnation: string }
export type Claim = {
  readonly p: number
  readonly epoch: number
  /** Of the key as it was last written: that of the epoch, until the claim is confirmed. */
  readonly sequence: number
  readonly consumer: ConsumerInfo
}

const apiCode = (error: unknown): number | undefined =>
  error instanceof JetStreamApiError ? error.code : undefined

const write = async (bus: Bus, p: number, value: PartitionValue, expected: number) => {
  const asked = bus.js.publish(partitionSubject(p), JSON.stringify(value), {
    expect: { lastSubjectSequence: expected },
  })
  return (await ledBy(bus, { stream: KV_OWN }, asked)).seq
}

/**
 * Claims a partition and makes its consumer.
 * @param found the key as it was judged to be free: anything newer is somebody's claim
 * @returns undefined when somebody else was faster
 */
export const claimPartition = async (
  bus: Bus,
  p: number,
  me: Identity,
  found: PartitionEntry | undefined,
): Promise<Claim | undefined> => {
  const value = { v: 1, ...me, state: 'owned', epoch: null } as const
  const epoch = await write(bus, p, value, found?.sequence ?? 0).catch(async error => {
    if (!isWrongSequence(error)) throw error
    // An answer that was lost looks like this too: then the key is ours already.
    const now = await readPartition(bus, p)
    const isClaim = now && isMine(now.value, me) && epochOf(now) === now.sequence
    return isClaim ? now.sequence : undefined
  })
  if (epoch === undefined) return undefined
  // Who lets go removes it first.
  const former = found?.value?.state === 'released' ? undefined : found && epochOf(found)
  if (former) await removeConsumer(bus, consumerName(p, former))
  const consumer = await makeConsumer(bus, p, epoch)
  return consumer && { p, epoch, sequence: epoch, consumer }
}

/**
 * Says once more that a partition is ours, in the same epoch: who has taken us for dead meanwhile, but not
 * taken it yet, finds that its view of the key is out of date.
 * @returns undefined when somebody else has it
 */
export const confirmClaim = async (
  bus: Bus,
  claim: Claim,
  me: Identity,
): Promise<Claim | undefined> => {
  const { p, epoch } = claim
  const value = { v: 1, ...me, state: 'owned', epoch } as const
  const sequence = await write(bus, p, value, claim.sequence).catch(async error => {
    if (!isWrongSequence(error)) throw error
    // An answer that was lost looks like this too.
    const now = await readPartition(bus, p)
    return now && isMine(now.value, me) && epochOf(now) === epoch ? now.sequence : undefined
  })
  return sequence === undefined ? undefined : { ...claim, sequence }
}

/** The epoch that a key names: its own sequence, if it names none. */
export const epochOf = ({ value, sequence }: PartitionEntry): number => value?.epoch ?? sequence

/**
 * Says that the partition is free, unless somebody has taken it.
 * @returns the sequence of its key then
 */
export const releasePartition = async (
  bus: Bus,
  { p, epoch, sequence }: Omit<Claim, 'consumer'>,
  me: Identity,
): Promise<number | undefined> => {
  await removeConsumer(bus, consumerName(p, epoch))
  const value = { v: 1, ...me, state: 'released', epoch } as const
  return write(bus, p, value, sequence).catch(error => {
    if (!isWrongSequence(error)) throw error
    return undefined
  })
}

export const isMine = (value: PartitionValue | undefined, me: Identity): boolean =>
  value?.state === 'owned' && value.owner === me.owner && value.incarnation === me.incarnation

/** The partition's key, read from the leader. */
const readPartition = async (bus: Bus, p: number): Promise<PartitionEntry | undefined> => {
  const found = await bus.jsm.streams.getMessage(KV_OWN, { last_by_subj: partitionSubject(p) })
  if (!found) return undefined
  return { value: readOwnValue(partitionValue, found.data, found.header), sequence: found.seq }
}

/** @returns undefined when the epoch is over */
const makeConsumer = async (
  bus: Bus,
  p: number,
  epoch: number,
): Promise<ConsumerInfo | undefined> => {
  const filter = storedCommands(p)
  for (let tries = 1; ; tries++) {
    try {
      return await bus.jsm.consumers.add(CMD, {
        durable_name: consumerName(p, epoch),
        filter_subject: filter,
        ack_policy: AckPolicy.Explicit,
        ack_wait: nanos(ACK_WAIT_MS),
        max_ack_pending: MOST_HELD,
        max_deliver: -1,
      })
    } catch (error) {
      const code = apiCode(error)
      if (code === undefined || !IN_THE_WAY.has(code) || tries === TRIES) throw error
      const now = await readPartition(bus, p)
      if (!now || epochOf(now) !== epoch) return undefined
      for await (const other of bus.jsm.consumers.list(CMD)) {
        if (other.config.filter_subject === filter) await removeConsumer(bus, other.name)
      }
    }
  }
}

const removeConsumer = async (bus: Bus, name: string): Promise<void> => {
  await bus.jsm.consumers.delete(CMD, name).catch(error => {
    if (apiCode(error) !== CONSUMER_NOT_FOUND) throw error
  })
}
