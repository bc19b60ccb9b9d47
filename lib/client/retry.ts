/** When to connect again, and whether to. Pure: the numbers are arguments. */

const FIRST_MS = 100
const MOST_MS = 30_000

/**
 * How long to wait before attempt `attempt` (0, 1, 2 …) of connecting again: the first one at once, for
 * most breaks are short and another edge is there; then min(100 · 2ⁿ, 30 000), less up to half of it by
 * chance, so that the clients of an edge that died do not all come back in the same moment. It never
 * ends: a person's page goes on, and says when it will try next.
 *
 * @param random 0 … 1
 */
export const retryDelayMs = (attempt: number, random: number): number => {
  if (attempt <= 0) return Math.round(FIRST_MS * random)
  const capMs = Math.min(FIRST_MS * 2 ** attempt, MOST_MS)
  return Math.round(capMs * (1 - random / 2))
}

/** What a close means: connect again, with the same token or a new one, or not at all. */
export type CloseMeaning = 'resume' | 'renew_token' | 'give_up'

/** The token was not good. */
const UNAUTHORIZED = 4001
/** The server does not know this socket any more. */
const UNKNOWN_SOCKET = 4002
/** With the reason that there is no session any more. */
const SESSION_DELETED = 'Session deleted'

/**
 * @param renewed the token of this attempt was fetched just for it, so another would not be better
 */
export const closeMeaning = (code: number, renewed: boolean, reason = ''): CloseMeaning => {
  if (code === UNKNOWN_SOCKET && reason === SESSION_DELETED) return 'give_up'
  if (code === UNAUTHORIZED) return renewed ? 'give_up' : 'renew_token'
  if (code === UNKNOWN_SOCKET) return 'renew_token'
  // 1000 and 1001: an edge stops; 1006: gone; 1011: failed; 1012, 1013: restarts, too slow; 4003,
  // 4004, 4008, 4009: this connection went wrong. All of them are over with the connection.
  return 'resume'
}
