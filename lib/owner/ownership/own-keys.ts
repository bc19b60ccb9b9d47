/** What stands in the bucket `own`: who is there, and who holds which partition. */
import type { MsgHdrs } from '@nats-io/nats-core'
import { z } from 'zod'
import { parseJson } from '../../bus/json.ts'

/** Value of a lease. A `leaving` owner keeps what it holds but is given nothing any more. */
export const leaseValue = z.object({
  v: z.literal(1),
  incarnation: z.string(),
  leaving: z.boolean(),
})
export type LeaseValue = z.infer<typeof leaseValue>

/**
 * Value of a partition. The stream sequence of an `owned` value is the epoch, unless it confirms one that
 * it names; a `released` one repeats the epoch that it ends.
 */
export const partitionValue = z.object({
  v: z.literal(1),
  owner: z.string(),
  incarnation: z.string(),
  state: z.enum(['owned', 'released']),
  epoch: z.int().nullable(),
  /** The durable consumer, where it was made in an earlier epoch. */
  consumer: z.string().optional(),
})
export type PartitionValue = z.infer<typeof partitionValue>

/** The durable consumer that is made in an epoch. */
export const consumerName = (p: number, epoch: number): string => `p${p}-e${epoch}`

/** Set by nats-server on the marker that stands where a lease has run out. */
const MARKER_REASON = 'Nats-Marker-Reason'

/** A value of the bucket, or undefined where a key was deleted, ran out or cannot be read. */
export const readOwnValue = <T>(
  schema: z.ZodType<T>,
  bytes: Uint8Array,
  headers: MsgHdrs | undefined,
): T | undefined => {
  if (bytes.length === 0 || headers?.has(MARKER_REASON)) return undefined
  const parsed = parseJson(schema, bytes)
  return parsed.ok ? parsed.value : undefined
}
