/**
 * The bucket `own` as it is now: who is there, who holds what. Followed by an ordered consumer that
 * begins with the newest value of every key. That consumer lives on one nats-server and may be gone with
 * it: then the watch is broken, and to be begun again. It may lag; whoever acts on it does so by
 * compare-and-set.
 */
import { type ConsumerMessages, DeliverPolicy, type JsMsg } from '@nats-io/jetstream'
import { KV_OWN } from '../../../subjects/streams.ts'
import { OWN, ownKey } from '../../../subjects/subjects.ts'
import type { Bus } from '../../bus/connect.ts'
import {
  type LeaseValue,
  leaseValue,
  type PartitionValue,
  partitionValue,
  readOwnValue,
} from './own-keys.ts'

/** Two that do not come mean that the consumer is gone. */
const HEARTBEAT_MS = 1_000

export type PartitionEntry = {
  readonly value: PartitionValue | undefined
  readonly sequence: number
}

export type OwnWatch = {
  readonly members: ReadonlyMap<string, LeaseValue>
  readonly partitions: ReadonlyMap<number, PartitionEntry>
  close(): void
}

/**
 * Resolves when the present state is complete; `onChange` is called for everything after it.
 * @param onBroken called when nothing will come any more, but not after `close`
 */
export const watchOwn = async (
  bus: Bus,
  onChange: () => void,
  onBroken: (error: unknown) => void = () => {},
): Promise<OwnWatch> => {
  const members = new Map<string, LeaseValue>()
  const partitions = new Map<number, PartitionEntry>()
  const complete = Promise.withResolvers<void>()
  let isComplete = false
  let closed = false

  const take = (message: JsMsg) => {
    const key = ownKey(message.subject)
    if (key?.kind === 'lease') {
      const value = readOwnValue(leaseValue, message.data, message.headers)
      if (value) members.set(key.owner, value)
      else members.delete(key.owner)
    } else if (key?.kind === 'partition') {
      const value = readOwnValue(partitionValue, message.data, message.headers)
      partitions.set(key.p, { value, sequence: message.seq })
    }
    if (isComplete) return onChange()
    if (message.info.pending > 0) return
    isComplete = true
    complete.resolve()
  }

  const consumer = await bus.js.consumers.get(KV_OWN, {
    filter_subjects: OWN,
    deliver_policy: DeliverPolicy.LastPerSubject,
  })
  const nothingYet = (await consumer.info(true)).num_pending === 0
  const messages = await consumer.consume({
    callback: take,
    max_messages: 500,
    expires: 10_000,
    idle_heartbeat: HEARTBEAT_MS,
  })
  const endHearing = bus.elections.hear({ stream: KV_OWN }, () => messages.stop())
  void stopWhenSilent(messages)
  void messages.closed().then(ended => {
    endHearing()
    const error = ended ?? new Error('the watch of the owners was closed')
    complete.reject(error)
    if (isComplete && !closed) onBroken(error)
  })
  if (nothingYet) {
    isComplete = true
    complete.resolve()
  }
  await complete.promise
  return {
    members,
    partitions,
    close: () => {
      closed = true
      messages.stop()
    },
  }
}

/** The client would ask for the consumer with a pause of 10 s. */
const stopWhenSilent = async (messages: ConsumerMessages) => {
  for await (const { type } of messages.status()) if (type === 'heartbeats_missed') messages.stop()
}
