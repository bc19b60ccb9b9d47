/**
 * What the control plane asks of whatever runs sandboxes (spec 4.7), and how that may fail. A provider
 * knows nothing of sessions: it starts, stops and stores sandboxes by the jobs it is given.
 */
import { codeOf, type ErrorCode } from '../../subjects/errors.ts'
import type { RestoreJob, SnapshotJob, SpawnJob, StopJob } from '../../subjects/jobs.ts'

export type Capabilities = {
  /** Can store a sandbox as an image. */
  readonly snapshots: boolean
  /** Can start one from such an image. */
  readonly restore: boolean
  /** Can end one on request. */
  readonly stop: boolean
  /** A sandbox belongs to the host that started it: what concerns it goes there. */
  readonly hostBound: boolean
}

/** What a job does not hold: the sandbox's token, where it is to connect, and what waits for it. */
export type Access = {
  readonly token: string
  readonly controlPlaneUrl: string
  /** False when it is got ready because a prompt is likely. */
  readonly promptWaits: boolean
}

export type Spawned = {
  /** The provider's own id of the sandbox, for {@link Provider.stop} and `snapshot`. */
  readonly objectId: string | null
  /** Said to the people in the session. */
  readonly warning: string | null
}

export type Exit = {
  readonly sid: string
  readonly generation: number
  readonly reason: string
  /** Asked for, not crashed. */
  readonly orderly: boolean
}

/** What a provider tells of itself. */
export type Reports = {
  ended(exit: Exit): Promise<void>
  /** A prompt needs the place of this sandbox, which seems to be at rest. */
  evict(sandbox: { readonly sid: string; readonly generation: number }): Promise<void>
}

/**
 * Every method throws an error with one of the codes PROVIDER_REFUSED (never will), PROVIDER_UNAVAILABLE
 * (not now), SANDBOX_HOST_FULL (not now, and maybe elsewhere), PROVIDER_UNSUPPORTED, REPOSITORY_NOT_FOUND.
 */
export type Provider = {
  readonly capabilities: Capabilities
  /**
   * Starts a sandbox; the same generation again starts nothing and answers the same. One of an
   * older generation of the session is ended first.
   */
  create(job: SpawnJob, access: Access): Promise<Spawned>
  restore(job: RestoreJob, access: Access): Promise<Spawned>
  /** Stores it as an image. `jobId` is the same whenever the same job comes back. */
  snapshot(job: SnapshotJob, jobId: string): Promise<{ readonly imageId: string }>
  /** Ends it; one that is gone already is no failure. `remove`: with all that it left. */
  stop(job: StopJob, options: { readonly remove: boolean }): Promise<void>
  /** Takes up what an earlier process left, and reports from now on. */
  open(reports: Reports): Promise<void>
  /** Ends in order whatever cannot outlive this process' orderly end. */
  close(): Promise<void>
}

/** How long a sandbox that is to be replaced may take to end. */
export const REPLACE_WITHIN_MS = 10_000

const PERMANENT: ReadonlySet<ErrorCode> = new Set([
  'PROVIDER_REFUSED',
  'PROVIDER_UNSUPPORTED',
  'REPOSITORY_NOT_FOUND',
])

/** True when trying again cannot help. What is not one of the four codes is thought to pass. */
export const isPermanent = (error: unknown): boolean => {
  const code = codeOf(error)
  return code !== undefined && PERMANENT.has(code)
}
