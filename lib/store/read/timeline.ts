/** The timeline as a client is given it: the newest page, or what was missed since a `sequence`. */
import type { TimelineItem } from '../../../subjects/frames-server.ts'
import type { SessionQueries } from '../session-database.ts'
import { cutPage, rowLimit } from './page.ts'

export type TimelinePage = {
  items: TimelineItem[]
  hasMore: boolean
  /** The oldest line of the page. */
  cursor: { timestamp: number; id: string; sequence: number } | null
}

/** Where an older page ends: the first line of the page after it. Old clients know no `sequence`. */
export type HistoryCursor = {
  readonly timestamp: number
  readonly id: string
  readonly sequence?: number | null | undefined
}
export type TimelineQuery = {
  readonly limit: number
  readonly maxBytes: number
  readonly before?: HistoryCursor | undefined
}

/** The place of a cursor's line in the timeline; 0 when it is not said and there is no such line. */
const placeOf = async (db: SessionQueries, { id, sequence }: HistoryCursor): Promise<number> => {
  if (sequence !== null && sequence !== undefined) return sequence
  const [row] = await db
    .selectFrom('events')
    .select('timeline_sequence')
    .where('id', '=', id)
    .execute()
  return row?.timeline_sequence ?? 0
}

/**
 * The newest lines, or the newest before a cursor; oldest of them first, by when they last counted as
 * new and where they stand.
 */
export const readTimeline = async (
  db: SessionQueries,
  { limit, maxBytes, before }: TimelineQuery,
): Promise<TimelinePage> => {
  const rows = rowLimit(limit)
  const place = before ? await placeOf(db, before) : 0
  const keys = await db
    .selectFrom('events')
    .select(eb => [
      'id',
      'created_at',
      'timeline_sequence',
      eb.fn<number>('octet_length', ['data']).as('bytes'),
    ])
    .$if(before !== undefined, query =>
      query
        .where('created_at', '<=', before?.timestamp ?? 0)
        .where(eb =>
          eb.or([
            eb('created_at', '<', before?.timestamp ?? 0),
            eb('timeline_sequence', '<', place),
          ]),
        ),
    )
    .orderBy('created_at', 'desc')
    .orderBy('timeline_sequence', 'desc')
    .limit(rows + 1)
    .execute()
  const { kept, hasMore } = cutPage(keys, rows, maxBytes)
  const lines = await db
    .selectFrom('events')
    .select(['id', 'sequence', 'timeline_sequence', 'data'])
    .where(
      'timeline_sequence',
      'in',
      kept.map(row => row.timeline_sequence),
    )
    .orderBy('created_at')
    .orderBy('timeline_sequence')
    .execute()
  const oldest = kept.at(-1)
  return {
    items: lines.map(line => ({
      eventId: line.id,
      sequence: line.sequence,
      timelineSequence: line.timeline_sequence,
      event: JSON.parse(line.data),
    })),
    hasMore,
    cursor: oldest
      ? { timestamp: oldest.created_at, id: oldest.id, sequence: oldest.timeline_sequence }
      : null,
  }
}

export type MissedLines = { items: TimelineItem[]; complete: boolean }

/**
 * Every version after `after`, in order. `complete: false` and nothing else when that is more than
 * the caller takes, or not there any more, or `after` is ahead of what is known.
 */
export const readChanges = async (
  db: SessionQueries,
  { after, limit, maxBytes }: { after: number; limit: number; maxBytes: number },
): Promise<MissedLines> => {
  const nothing = { items: [], complete: false }
  const [newest] = await db
    .selectFrom('changes')
    .select('sequence')
    .orderBy('sequence', 'desc')
    .limit(1)
    .execute()
  const missed = (newest?.sequence ?? 0) - after
  if (missed < 0 || missed > limit) return nothing
  if (missed === 0) return { items: [], complete: true }
  const [size] = await db
    .selectFrom('changes')
    .select(eb => [
      eb.fn.countAll<number>().as('rows'),
      eb.fn.sum<number>(eb.fn('octet_length', ['event'])).as('bytes'),
    ])
    .where('sequence', '>', after)
    .execute()
  if (size?.rows !== missed || size.bytes > maxBytes) return nothing
  const rows = await db
    .selectFrom('changes')
    .selectAll()
    .where('sequence', '>', after)
    .orderBy('sequence')
    .execute()
  return {
    items: rows.map(row => ({
      eventId: row.event_id,
      sequence: row.sequence,
      timelineSequence: row.position,
      event: JSON.parse(row.event),
    })),
    complete: true,
  }
}
