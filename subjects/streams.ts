/**
 * Every stream and bucket with its exact options. Declared idempotently at start by lib/bus. File
 * storage throughout; one replica on a single machine, three in production.
 */
import type { StreamConfig } from '@nats-io/jetstream'
import { PARTITIONS } from './partition.ts'
import {
  COMMANDS,
  DEAD_LETTERS,
  FIRES,
  HOOKS,
  INDEX,
  JOBS,
  OWN,
  type Pattern,
  RECORDS,
  SNAPSHOTS,
  TIMERS,
} from './subjects.ts'

const NANOS_PER_MS = 1_000_000
const minutes = (n: number): number => n * 60_000 * NANOS_PER_MS
const days = (n: number): number => minutes(n * 24 * 60)

/** Names of the streams. */
export const CMD = 'CMD'
export const EVT = 'EVT'
export const IDX = 'IDX'
export const JOB = 'JOB'
export const TMR = 'TMR'
export const HOOK = 'HOOK'
export const SNAP = 'SNAP'
export const DLQ = 'DLQ'
export const KV_OWN = 'KV_own'
export const KV_READS = 'KV_reads'

/** Bucket for one-time sign-in codes and other small things that every api process shares. */
export const AUTH_BUCKET = 'auth'

/** Bucket for what is known of repositories: people's notes, and the list that the App sees. */
export const REPOS_BUCKET = 'repos'
/** Bucket for people's OAuth tokens, encrypted, by GitHub user id. */
export const SCM_BUCKET = 'scm'
/** Bucket for what every github process shares: whose pull request which is, the repair of webhooks. */
export const GITHUB_BUCKET = 'github'

/** Object store with the newest snapshot of each session's local sandbox, named by the session. */
export const SANDBOX_BUCKET = 'sandboxes'

/** Object store with the snapshots of sessions that are too large for a message of SNAP. */
export const SNAPSHOT_BUCKET = 'snapshots'

/** The streams under the buckets, as NATS' clients name them. */
export const BUCKET_STREAMS: readonly string[] = [
  `KV_${AUTH_BUCKET}`,
  `KV_${REPOS_BUCKET}`,
  `KV_${SCM_BUCKET}`,
  `KV_${GITHUB_BUCKET}`,
  `OBJ_${SANDBOX_BUCKET}`,
  `OBJ_${SNAPSHOT_BUCKET}`,
]

export type StreamLimits = {
  /** Copies of every stream: 1 or 3. */
  readonly replicas: number
  /** Bytes that CMD may hold before publishers are refused. */
  readonly commandBytes?: number
}

export type StreamDeclaration = Partial<StreamConfig> & { readonly name: string }

const on = (...patterns: Pattern[]): string[] => patterns

/**
 * All streams, in an order in which each one's sources exist before it. TMR stands apart from CMD
 * because the server refuses schedules together with "discard new", and CMD must refuse rather than
 * drop.
 */
export const streams = ({
  replicas,
  commandBytes = 4 * 1024 ** 3,
}: StreamLimits): StreamDeclaration[] => {
  const file = { storage: 'file', num_replicas: replicas } as const
  return [
    {
      ...file,
      name: TMR,
      subjects: on(TIMERS, FIRES),
      retention: 'limits',
      allow_msg_schedules: true,
      allow_msg_ttl: true,
      allow_direct: true,
      duplicate_window: minutes(2),
    },
    {
      ...file,
      name: CMD,
      subjects: on(COMMANDS),
      retention: 'workqueue',
      discard: 'new',
      max_bytes: commandBytes,
      max_msg_size: 1024 ** 2,
      allow_direct: true,
      duplicate_window: minutes(2),
      subject_transform: {
        src: COMMANDS,
        dest: `cmd.{{partition(${PARTITIONS},1)}}.{{wildcard(1)}}`,
      },
      sources: [
        {
          name: TMR,
          subject_transforms: [{ src: FIRES, dest: 'cmd.{{wildcard(1)}}.{{wildcard(2)}}' }],
        },
      ],
    },
    {
      ...file,
      name: EVT,
      subjects: on(RECORDS),
      retention: 'limits',
      allow_direct: true,
      deny_delete: true,
      duplicate_window: minutes(2),
      republish: { src: RECORDS, dest: 'live.{{wildcard(2)}}' },
    },
    {
      ...file,
      name: IDX,
      retention: 'limits',
      max_msgs_per_subject: 1,
      allow_direct: true,
      sources: [
        {
          name: EVT,
          subject_transforms: [{ src: RECORDS, dest: INDEX.replace('*', '{{wildcard(2)}}') }],
        },
      ],
    },
    {
      ...file,
      name: JOB,
      subjects: on(JOBS),
      retention: 'workqueue',
      discard: 'new',
      max_bytes: 1024 ** 3,
      duplicate_window: minutes(10),
    },
    {
      ...file,
      name: HOOK,
      subjects: on(HOOKS),
      retention: 'workqueue',
      discard: 'new',
      max_bytes: 1024 ** 3,
      duplicate_window: minutes(60),
    },
    {
      ...file,
      name: SNAP,
      subjects: on(SNAPSHOTS),
      retention: 'limits',
      // The log is cut behind the older of two: one that the log does not reach is of no use.
      max_msgs_per_subject: 2,
      allow_direct: true,
    },
    { ...file, name: DLQ, subjects: on(DEAD_LETTERS), retention: 'limits', max_age: days(30) },
    {
      ...file,
      name: KV_OWN,
      subjects: on(OWN),
      retention: 'limits',
      discard: 'new',
      max_msgs_per_subject: 1,
      allow_msg_ttl: true,
      subject_delete_marker_ttl: minutes(1),
      allow_rollup_hdrs: true,
      deny_delete: true,
      allow_direct: false,
    },
  ]
}
