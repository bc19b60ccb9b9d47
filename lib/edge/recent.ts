/**
 * What a room has lately sent out, by record, for sockets that join with a snapshot older than the
 * room. Bounded: whoever needs more than is kept has to ask for a newer snapshot.
 */
export type Recent<T> = {
  /** Begins after the record `sequence`, holding nothing. */
  begin(sequence: number): void
  /** Adds what the record `sequence` meant; `bytes` counts towards the bound. */
  push(sequence: number, entry: T, bytes: number): void
  /** The entries of all records after `sequence`, or undefined when some of them are not kept. */
  after(sequence: number): readonly T[] | undefined
}

type Kept<T> = { readonly sequence: number; readonly entry: T; readonly bytes: number }

/** Keeps at most `records` entries with `bytes` in total, the newest of them. */
export const makeRecent = <T>(bounds: {
  readonly records: number
  readonly bytes: number
}): Recent<T> => {
  let kept: Kept<T>[] = []
  /** Entries before this index are dropped; the array is cut only now and then. */
  let first = 0
  let bytes = 0
  /** The record after which nothing is missing. */
  let floor = Number.POSITIVE_INFINITY

  const dropOldest = () => {
    const oldest = kept[first++]!
    bytes -= oldest.bytes
    floor = oldest.sequence
    if (first < 1_024 || first * 2 < kept.length) return
    kept = kept.slice(first)
    first = 0
  }

  return {
    begin: sequence => {
      kept = []
      first = 0
      bytes = 0
      floor = sequence
    },
    push: (sequence, entry, size) => {
      kept.push({ sequence, entry, bytes: size })
      bytes += size
      while (kept.length - first > bounds.records || bytes > bounds.bytes) dropOldest()
    },
    after: sequence => {
      if (sequence < floor) return undefined
      let at = kept.length
      while (at > first && kept[at - 1]!.sequence > sequence) at--
      return kept.slice(at).map(each => each.entry)
    },
  }
}
