/**
 * Takes a partition: first the key, whose stream sequence is the epoch, then the commands. What nobody
 * has acknowledged must come again, in the order in which it was stored; waiting for redelivery would
 * reorder. From somebody who let it go in order the durable consumer is taken over and put back, which on
 * a cluster is twenty times as fast as another one: nothing that it delivers can be taken by its former
 * user any more. From anybody else nothing is taken over: a process that was only paused would go on with
 * later commands while the earlier ones are here. Then the consumer is removed, and a new one made. A work
 * queue allows one consumer per filter, so whoever finds another in the way removes it, once it is sure
 * that its own epoch is still the newest.
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
/** What is known of a claim that may never have been answered. */
export type Letting = Omit<Claim, 'consumer'> & { readonly consumer: Pick<ConsumerInfo, 'name'> }

const apiCode = (error: unknown): number | undefined =>
  error instanceof JetStreamApiError ? error.code : undefined

const write = async (bus: Bus, p: number, value: PartitionValue, expected: number) => {
  const asked = bus.js.publish(partitionSubject(p), JSON.stringify(value), {
    expect: { lastSubjectSequence: expected },
  })
  return (await ledBy(bus, { stream: KV_OWN }, asked)).seq
}

/**
 * Claims a partition and its consumer.
 * @param found the key as it was judged to be free: anything newer is somebody's claim
 * @returns undefined when somebody else was faster
 */
export const claimPartition = async (
  bus: Bus,
  p: number,
  me: Identity,
  found: PartitionEntry | undefined,
): Promise<Claim | undefined> => {
  const isLetGo = found?.value?.state === 'released'
  const former = found && consumerOf(p, found)
  const consumer = isLetGo ? former : undefined
  const value = { v: 1, ...me, state: 'owned', epoch: null, consumer } as const
  const epoch = await write(bus, p, value, found?.sequence ?? 0).catch(async error => {
    if (!isWrongSequence(error)) throw error
    // An answer that was lost looks like this too: then the key is ours already.
    const now = await readPartition(bus, p)
    const isClaim = now && isMine(now.value, me) && epochOf(now) === now.sequence
    return isClaim ? now.sequence : undefined
  })
  if (epoch === undefined) return undefined
  const kept = consumer && (await takeConsumer(bus, consumer))
  if (kept) return { p, epoch, sequence: epoch, consumer: kept }
  if (former) await removeConsumer(bus, former)
  const made = await makeConsumer(bus, p, epoch)
  return made && { p, epoch, sequence: epoch, consumer: made }
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
  const consumer = claim.consumer.name
  const value = { v: 1, ...me, state: 'owned', epoch, consumer } as const
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

/** The consumer that a key names, or that of its epoch. */
export const consumerOf = (p: number, entry: PartitionEntry): string =>
  entry.value?.consumer ?? consumerName(p, epochOf(entry))

/**
 * Says that the partition is free, unless somebody has taken it. Nothing that its consumer delivers may
 * be taken any more.
 * @returns the sequence of its key then
 */
export const releasePartition = async (
  bus: Bus,
  { p, epoch, sequence, consumer }: Letting,
  me: Identity,
): Promise<number | undefined> => {
  const value = { v: 1, ...me, state: 'released', epoch, consumer: consumer.name } as const
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

const SETTINGS = {
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(ACK_WAIT_MS),
  max_ack_pending: MOST_HELD,
  max_deliver: -1,
}

/**
 * Puts a consumer back to what is not acknowledged.
 * @returns undefined when that fails, for whatever reason, or it is not as we make them: another will do
 */
const takeConsumer = async (bus: Bus, name: string): Promise<ConsumerInfo | undefined> => {
  const asked = bus.jsm.consumers.reset(CMD, name)
  const info = await ledBy(bus, { stream: CMD, consumer: name }, asked).catch(() => undefined)
  const { ack_wait, max_ack_pending } = info?.config ?? {}
  return ack_wait === SETTINGS.ack_wait && max_ack_pending === MOST_HELD ? info : undefined
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
        ...SETTINGS,
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
