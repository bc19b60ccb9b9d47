/**
 * Declares streams and buckets, idempotently: what is missing is created, what differs is updated,
 * what NATS refuses to update is reported with the option's name. Any process may do it at any time.
 */
import { JetStreamApiError, type StreamConfig } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { Objm } from '@nats-io/obj'
import { fail } from '../../subjects/errors.ts'
import {
  AUTH_BUCKET,
  BUCKET_STREAMS,
  GITHUB_BUCKET,
  REPOS_BUCKET,
  SANDBOX_BUCKET,
  SCM_BUCKET,
  SNAPSHOT_BUCKET,
  type StreamLimits,
  streams,
} from '../../subjects/streams.ts'
import { READS_BUCKET } from '../../subjects/subjects.ts'
import type { Bus } from './connect.ts'
import { isWorthRetrying, patiently } from './failure.ts'

const NOT_FOUND = 10059

type Options = Readonly<Record<string, unknown>>

/** True when everything that `wanted` says is so in `present`, which may say more. */
const holds = (wanted: unknown, present: unknown): boolean => {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(present) &&
      wanted.length === present.length &&
      wanted.every((item, i) => holds(item, present[i]))
    )
  }
  if (wanted !== null && typeof wanted === 'object') {
    return Object.entries(wanted).every(([key, value]) => holds(value, (present as Options)?.[key]))
  }
  return wanted === present
}

/** Names of the options in which a stream differs from what is wanted. */
const differences = (wanted: Options, present: Options): string[] =>
  Object.keys(wanted).filter(key => !holds(wanted[key], present[key]))

const present = async (bus: Bus, name: string): Promise<StreamConfig | undefined> => {
  try {
    return (await bus.jsm.streams.info(name)).config
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === NOT_FOUND) return undefined
    throw error
  }
}

/**
 * @throws code `STREAM_MISMATCH`, with the stream, the options that differ and NATS' own words, when
 * an option cannot be changed
 */
const declareStream = async (bus: Bus, wanted: Partial<StreamConfig> & { name: string }) => {
  const existing = await present(bus, wanted.name)
  const differing = existing ? differences(wanted, existing as unknown as Options) : []
  if (existing && differing.length === 0) return
  try {
    if (existing) await bus.jsm.streams.update(wanted.name, { ...existing, ...wanted })
    else await bus.jsm.streams.add(wanted)
  } catch (error) {
    if (isWorthRetrying(error)) throw error
    // Another process may have declared it in the same moment.
    const now = await present(bus, wanted.name)
    if (now && differences(wanted, now as unknown as Options).length === 0) return
    const words = error instanceof Error ? error.message : String(error)
    throw fail('STREAM_MISMATCH', {
      message: now
        ? `stream ${wanted.name} exists with other options (${differing.join(', ')}) and NATS refuses the change: ${words}`
        : `stream ${wanted.name} cannot be created: ${words}`,
      stream: wanted.name,
      options: differing,
      error,
    })
  }
}

/**
 * Declares all streams and buckets of `subjects/streams.ts`.
 * @throws code STREAM_MISMATCH, or what NATS answers when it does not answer for 30 s
 */
export const declareStreams = async (bus: Bus, limits: StreamLimits): Promise<void> => {
  const { replicas } = limits
  for (const wanted of streams(limits)) await patiently(() => declareStream(bus, wanted))
  await patiently(() => new Kvm(bus.js).create(AUTH_BUCKET, { replicas, markerTTL: 60_000 }))
  for (const name of [READS_BUCKET, REPOS_BUCKET, SCM_BUCKET, GITHUB_BUCKET]) {
    await patiently(() => new Kvm(bus.js).create(name, { replicas }))
  }
  for (const bucket of [SANDBOX_BUCKET, SNAPSHOT_BUCKET]) {
    await patiently(() => new Objm(bus.js).create(bucket, { replicas }))
  }
  // Those leave a bucket that is there already as it is.
  for (const name of BUCKET_STREAMS) {
    await patiently(() => declareStream(bus, { name, num_replicas: replicas }))
  }
}
