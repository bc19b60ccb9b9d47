/**
 * Sessions are shared out over a fixed number of partitions. Number and hash are a wire format:
 * the stored subjects contain them, so neither may change while a stream exists.
 */

/** How many partitions there are; the same number stands in CMD's subject transform. */
export const PARTITIONS = 64

/** FNV-1a, 32 bit: what nats-server's `partition()` subject mapping computes. */
export const fnv1a32 = (text: string): number => {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  }
  return hash
}

/** The partition of a session, 0 … {@link PARTITIONS} - 1. */
export const partitionOf = (sid: string): number => fnv1a32(sid) % PARTITIONS
