/** How long a page may be, in rows and in bytes. */

export const MAX_ROWS = 500
/** For lists whose caller says nothing: well below what one answer on the bus may hold. */
export const MAX_PAGE_BYTES = 1024 ** 2
/** JSON around a row's long columns: ids, names of fields, numbers. */
const ROW_BYTES = 250

/** A limit as somebody asked for it → 1 … {@link MAX_ROWS}. */
export const rowLimit = (asked: number): number =>
  Math.min(Math.max(Math.trunc(asked) || 1, 1), MAX_ROWS)

/**
 * Cuts a page. `rows` are the first ones wanted and one more if there is one; the first row is
 * kept whatever its size, so that no page is empty while something is left.
 */
export const cutPage = <R extends { readonly bytes: number }>(
  rows: readonly R[],
  limit: number,
  maxBytes: number,
): { kept: R[]; hasMore: boolean } => {
  let count = 0
  let total = 0
  for (const { bytes } of rows.slice(0, limit)) {
    total += bytes + ROW_BYTES
    if (count > 0 && total > maxBytes) break
    count++
  }
  return { kept: rows.slice(0, count), hasMore: count < rows.length }
}
