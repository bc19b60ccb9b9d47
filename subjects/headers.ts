/** Message headers of ours; those of NATS itself are named by its client library. */

/** On a command: the core subject at which its publisher waits for the owner's {@link Reply}. */
export const REPLY_TO = 'Reply-To'
/** On any message: ties log lines of several processes together. */
export const TRACE_ID = 'Trace-Id'
/** Set by nats-server on a republished message: sequence in the stream. */
export const NATS_SEQUENCE = 'Nats-Sequence'
/** Set by nats-server on a republished message: the previous sequence of the same subject, or 0. */
export const NATS_LAST_SEQUENCE = 'Nats-Last-Sequence'
/** On a message of SNAP: what the snapshot is of, as JSON (snapshots.ts). */
export const SNAPSHOT = 'Snapshot'
