/** Jobs: what the world must do, at least once, by id. Results come back as commands. */
import { z } from 'zod'

const text = z.string()
const sandbox = {
  v: z.literal(1),
  sid: text,
  generation: z.int(),
  sandboxId: text,
}

/** Start a sandbox. Its token is derived by whoever runs the job, never written into a stream. */
export const spawnJob = z.object({
  ...sandbox,
  repoOwner: text,
  repoName: text,
  baseBranch: text,
  model: text,
  agentSessionId: text.nullable(),
  /** The sandbox before this one, to be stopped first, when there was one. */
  replaces: z.object({ sandboxId: text, objectId: text.nullable() }).nullable(),
})
export type SpawnJob = z.infer<typeof spawnJob>

/** Start one from a stored image. */
export const restoreJob = spawnJob.extend({ snapshotImageId: text })
export type RestoreJob = z.infer<typeof restoreJob>

export const snapshotJob = z.object({
  ...sandbox,
  objectId: text.nullable(),
  reason: text,
  /** When it was asked for: said again with the answer, which is only good for this one. */
  askedAtMs: z.int().optional(),
})
export type SnapshotJob = z.infer<typeof snapshotJob>

/** End one; `destroy` also removes what it left on the host. */
export const stopJob = z.object({ ...sandbox, objectId: text.nullable(), reason: text })
export type StopJob = z.infer<typeof stopJob>

export const sandboxJobSchemas = {
  spawn: spawnJob,
  restore: restoreJob,
  snapshot: snapshotJob,
  stop: stopJob,
  destroy: stopJob,
} as const

/** Tell the bot of `source` that the prompt it asked for is over (spec 3.7). */
export const callbackJob = z.object({
  v: z.literal(1),
  sid: text,
  messageId: text,
  source: text,
  success: z.boolean(),
  error: text.nullable(),
  /** Of the prompt, as the bot gave it. */
  context: z.record(text, z.unknown()),
  finishedAtMs: z.int(),
})
export type CallbackJob = z.infer<typeof callbackJob>

/** A dead letter: what it was, why it could not be done, and where it came from. */
export const deadLetter = z.object({
  v: z.literal(1),
  kind: text,
  reason: text,
  subject: text,
  sequence: z.int().nullable(),
  atMs: z.int(),
  /** The original bytes as UTF-8 text. */
  body: text,
})
export type DeadLetter = z.infer<typeof deadLetter>
