/**
 * What is known of a session's rows beside the rows themselves: the record on which they stand, the
 * newest snapshot, and where the log may be cut. Written into the seal of a closed file; as good as
 * nothing when that is lost.
 */
import { z } from 'zod'
import type { SessionRecord } from '../../../subjects/records.ts'
import { type SnapshotFacts, type SnapshotSlot, snapshotSlot } from '../../../subjects/snapshots.ts'

/** So many of the newest records stay in the log, for edges that are behind to read. */
export const TAIL_RECORDS = 200
/** Every so many records one sequence is remembered, as a place to cut the log. */
const MARK_EVERY = 50
const MARKS_KEPT = TAIL_RECORDS / MARK_EVERY + 2

const notesShape = z.object({
  v: z.literal(1),
  /** The newest record in the rows, 0 for none, and its lineage. */
  applied: z.int(),
  lineage: z.string(),
  /** Records since the newest snapshot. */
  unsaved: z.int(),
  /** The newest snapshot: its place in SNAP, its record and the record of the one before it. */
  snapshot: z
    .object({
      sequence: z.int(),
      record: z.int(),
      former: z.int(),
      slot: snapshotSlot.nullable(),
    })
    .nullable(),
  /** Sequences of every fiftieth record, ascending, and how many records came since the last. */
  marks: z.array(z.int()),
  sinceMark: z.int(),
  /** Up to where the log was cut. */
  cut: z.int(),
})
export type Notes = Readonly<z.infer<typeof notesShape>>

export const noNotes: Notes = {
  v: 1,
  applied: 0,
  lineage: '',
  unsaved: 0,
  snapshot: null,
  marks: [],
  sinceMark: 0,
  cut: 0,
}

/** Notes of a seal, or undefined when they are none. */
export const readNotes = (value: unknown): Notes | undefined => notesShape.safeParse(value).data

/** Tells a record from any other that another log may hold at the same sequence. */
export const lineageOf = (
  record: Pick<SessionRecord, 'commandSequence' | 'atMs' | 'epoch' | 'owner'>,
): string => [record.commandSequence, record.atMs, record.epoch, record.owner].join('.')

/** After one more record was applied. */
export const noteRecord = (notes: Notes, sequence: number, record: SessionRecord): Notes => {
  const isMark = notes.sinceMark + 1 === MARK_EVERY
  return {
    ...notes,
    applied: sequence,
    lineage: lineageOf(record),
    unsaved: notes.unsaved + 1,
    marks: isMark ? [...notes.marks, sequence].slice(-MARKS_KEPT) : notes.marks,
    sinceMark: isMark ? 0 : notes.sinceMark + 1,
  }
}

/** After a snapshot was stored at `sequence` of SNAP. */
export const noteSnapshot = (notes: Notes, facts: SnapshotFacts, sequence: number): Notes => ({
  ...notes,
  // More may have been applied while it was stored.
  unsaved: facts.record === notes.applied ? 0 : notes.unsaved,
  snapshot: {
    sequence,
    record: facts.record,
    former: notes.snapshot?.record ?? 0,
    slot: facts.slot,
  },
})

/** Where the next large snapshot goes: never where the newest one is. */
export const nextSlot = (notes: Notes): SnapshotSlot => (notes.snapshot?.slot === 'a' ? 'b' : 'a')

/**
 * The first record that must stay in the log: the tail, and all from the older of two snapshots on.
 * Undefined when nothing more may go.
 */
export const cutBefore = (notes: Notes): number | undefined => {
  const { marks, sinceMark, snapshot, cut } = notes
  const back = Math.ceil((TAIL_RECORDS - sinceMark) / MARK_EVERY)
  const tail = marks[marks.length - 1 - Math.max(0, back)]
  if (!tail || !snapshot?.former) return undefined
  const first = Math.min(tail, snapshot.former)
  return first > cut ? first : undefined
}
