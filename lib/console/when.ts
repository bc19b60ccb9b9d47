/** Times as people say them. */
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `now`, `5 min`, `3 h`, `2 d`, then a date. */
export const ago = (atMs: number, nowMs: number): string => {
  const pastMs = Math.max(0, nowMs - atMs)
  if (pastMs < MINUTE_MS) return 'now'
  if (pastMs < HOUR_MS) return `${Math.floor(pastMs / MINUTE_MS)} min`
  if (pastMs < DAY_MS) return `${Math.floor(pastMs / HOUR_MS)} h`
  if (pastMs < 7 * DAY_MS) return `${Math.floor(pastMs / DAY_MS)} d`
  return new Date(atMs).toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
}

/** `14:03`; `seconds` since the epoch, as events carry it. */
export const clockTime = (seconds: unknown): string =>
  typeof seconds === 'number'
    ? new Date(seconds * 1000).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })
    : ''
