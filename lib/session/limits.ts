/** Bounds of what a session remembers. Not configurable: they only keep its state small. */

/** Live ws-tokens of one participant; a further one pushes the oldest out (spec 3.9). */
export const MAX_WS_TOKENS = 16
/** Requests other than prompts that a repetition is recognised among. Prompts are never forgotten. */
export const REMEMBERED_REQUESTS = 256
/** Acknowledged events of bridges that do not number theirs. */
export const REMEMBERED_ACK_IDS = 256
/** Numbered bridges of one sandbox: a supervisor may start another in the same generation. */
export const REMEMBERED_RUNS = 4
/** Sockets of one sandbox that are over: a late repetition of their announcement is void. */
export const REMEMBERED_CONNECTIONS = 16
/** Spawn failures, for the breaker. */
export const REMEMBERED_FAILURES = 32
/** Characters of a title, after trimming (spec 4.5). */
export const MAX_TITLE_CHARS = 200
/** Why a snapshot is taken: the queue has run empty; the sandbox is about to end (spec 4.6). */
export const AFTER_WORK = 'execution_complete'
export const BEFORE_IDLE_STOP = 'inactivity_timeout'
export const WHEN_SILENT = 'heartbeat_timeout'
export const BEFORE_END = 'sandbox_ending'
/** Sandboxes in a row that may fail to begin from an image before a fresh one is tried. */
export const MAX_RESTORES = 2
/** Characters of a title that is made from a prompt. */
export const MADE_TITLE_CHARS = 80
