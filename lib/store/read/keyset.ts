/**
 * Lists read page by page, newest first, where each page begins behind the last row of the one before
 * (spec 3.8): rows of one millisecond are told apart by their order, so none is lost or comes twice.
 */
import { cursorOf, type Position, parseCursor } from './cursor.ts'
import { cutPage, MAX_PAGE_BYTES, rowLimit } from './page.ts'

export type KeysetQuery = {
  readonly limit: number
  readonly cursor?: string | null | undefined
  readonly maxBytes?: number | undefined
}

/** What must be known of a row before its content is read. */
export type Key = {
  readonly id: string
  readonly created_at: number
  /** Grows within a millisecond. */
  readonly order: number
  readonly bytes: number
}

/** Where a page begins: behind this. */
export type Place = { readonly createdAt: number; readonly order: number }

export type KeysetList<R> = {
  /** The first rows behind a place, newest first: their sizes before their contents, so that a page of
   * huge rows is never in memory as a whole. */
  readonly keys: (from: Place | undefined, rows: number) => Promise<readonly Key[]>
  /** The order of a row, for cursors of the older form, which name only its id. */
  readonly orderOf: (id: string) => Promise<number | undefined>
  /** The rows of these keys, in their order. */
  readonly rows: (keys: readonly Key[]) => Promise<R[]>
}

export type KeysetPage<R> = { rows: R[]; cursor: string | null; hasMore: boolean }

const placeOf = async <R>(
  list: KeysetList<R>,
  position: Position | undefined,
): Promise<Place | undefined> => {
  if (!position) return undefined
  const { createdAt, order, id } = position
  // Without an order, whatever shares the millisecond counts as seen.
  const known = order ?? (id === null ? undefined : await list.orderOf(id))
  return { createdAt, order: known ?? 0 }
}

/** @throws code `INVALID_CURSOR`. */
export const readKeyset = async <R>(
  query: KeysetQuery,
  list: KeysetList<R>,
): Promise<KeysetPage<R>> => {
  const limit = rowLimit(query.limit)
  const from = await placeOf(list, parseCursor(query.cursor))
  const found = await list.keys(from, limit + 1)
  const { kept, hasMore } = cutPage(found, limit, query.maxBytes ?? MAX_PAGE_BYTES)
  const last = kept.at(-1)
  return {
    rows: await list.rows(kept),
    cursor: last ? cursorOf(last.created_at, last.order, last.id) : null,
    hasMore,
  }
}
