/** What those who use the system were promised and have seen, to be compared with the log in the end. */

/** Who sent a prompt, and how. */
export type Way = 'client' | 'rest' | 'bus' | 'bus with reply' | 'webhook'

export type Sent = {
  readonly sid: string
  /** Its `clientRequestId`. */
  readonly id: string
  readonly way: Way
  /** Of all that one sender sends into one session, the order holds. */
  readonly sender: string
  readonly atMs: number
  acceptedAtMs?: number
  /** As the answer named it. */
  messageId?: string | undefined
}

/** A prompt that a sandbox began. */
export type Run = {
  readonly sid: string
  readonly messageId: string
  readonly sandboxId: string
  readonly atMs: number
}

/** What a request for a pull request was answered. */
export type PullRequest = {
  readonly sid: string
  /** Of the request, and the title that it asked for. */
  readonly key: string
  readonly number: number
}

/** A client's time between the loss of its socket and having caught up over another. */
export type Outage = { readonly atMs: number; readonly forMs: number }

export type Ledger = {
  readonly sent: Sent[]
  readonly runs: Run[]
  readonly outages: Outage[]
  readonly pullRequests: PullRequest[]
  /** What was wrong as it was seen: refusals that were none, holes, answers that differ. */
  readonly wrongs: string[]
}

export const openLedger = (): Ledger => ({
  sent: [],
  runs: [],
  outages: [],
  pullRequests: [],
  wrongs: [],
})

/** A prompt that its sandbox does not end: a deadline has to. */
export const SLEEP = 'sleep'
