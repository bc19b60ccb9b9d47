/**
 * Snapshots: the database file of a session as it was behind one of its records, so that whoever
 * wakes the session needs only the records after that one. SNAP keeps the two newest of each.
 */
import { z } from 'zod'

/** The two objects that a session may have in the object store; each snapshot takes the other one. */
export const snapshotSlot = z.enum(['a', 'b'])
export type SnapshotSlot = z.infer<typeof snapshotSlot>

/** What the header of a snapshot says. The body is the file, compressed by zstd. */
export const snapshotFacts = z.object({
  v: z.literal(1),
  /** Sequence in EVT of the newest record that is in the file. */
  record: z.int().positive(),
  /** Tells this record from any other that another log may hold at the same place. */
  lineage: z.string(),
  /** SHA-256 (hex) of the file. */
  digest: z.string(),
  /** Where the body is when it is too large for a message. */
  slot: snapshotSlot.nullable(),
})
export type SnapshotFacts = z.infer<typeof snapshotFacts>
