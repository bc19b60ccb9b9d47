/** Commands about sandboxes: what they say, what their sockets' edges say, and what their hosts say. */
import { z } from 'zod'
import { opaqueSandboxEvent } from './sandbox-event.ts'

const version = { v: z.literal(1) }

/** A sandbox's socket was accepted by an edge. */
export const sandboxConnected = z.strictObject({
  ...version,
  type: z.literal('sandbox_connected'),
  generation: z.int().nonnegative(),
  /** Unique per accepted socket. */
  connectionId: z.string().min(1).max(64),
})

/** That socket is closed. Says nothing about the sandbox's life. */
export const sandboxDisconnected = z.strictObject({
  ...version,
  type: z.literal('sandbox_disconnected'),
  generation: z.int().nonnegative(),
  connectionId: z.string().min(1).max(64),
  code: z.int().optional(),
})

/** The newest text of a running prompt, carried along by the next thing that is stored. */
export const streamedText = z.strictObject({
  messageId: z.string().min(1).max(128),
  content: z.string(),
  timestamp: z.number().nullish(),
})

/** One or more events of a sandbox, in order; `text` goes before them. Neither token nor heartbeat. */
export const sandboxEvents = z.strictObject({
  ...version,
  type: z.literal('sandbox_events'),
  generation: z.int().nonnegative(),
  text: streamedText.nullish(),
  events: z.array(opaqueSandboxEvent).max(1000),
})

/** The sandbox's socket has confirmed (WebSocket pong behind the frame) that the prompt arrived. */
export const promptDelivered = z.strictObject({
  ...version,
  type: z.literal('prompt_delivered'),
  generation: z.int().nonnegative(),
  connectionId: z.string().min(1).max(64),
  messageId: z.string().min(1).max(128),
})

/** The provider accepted a spawn or restore. */
export const sandboxSpawned = z.strictObject({
  ...version,
  type: z.literal('sandbox_spawned'),
  generation: z.int().nonnegative(),
  sandboxId: z.string().max(512).nullish(),
  /** The provider's own id of the sandbox, for snapshot and stop. */
  objectId: z.string().max(512).nullish(),
  /** The host whose jobs concern this sandbox from now on, or `any`. */
  host: z.string().max(64),
  /** Said to the people in the session, for instance that nothing isolates the sandbox. */
  warning: z.string().max(2000).nullish(),
})

/** The host that was asked for it has no place yet, and goes on trying. */
export const sandboxDelayed = z.strictObject({
  ...version,
  type: z.literal('sandbox_delayed'),
  generation: z.int().nonnegative(),
  /** Said to the people in the session. */
  reason: z.string().max(2000),
})

/** Its host needs the place for another session's prompt: one at rest gives it up. */
export const sandboxEvict = z.strictObject({
  ...version,
  type: z.literal('sandbox_evict'),
  generation: z.int().nonnegative(),
})

/** The provider could not; `permanent` ones count for the breaker. */
export const sandboxSpawnFailed = z.strictObject({
  ...version,
  type: z.literal('sandbox_spawn_failed'),
  generation: z.int().nonnegative(),
  error: z.string().max(4000),
  permanent: z.boolean(),
  sandboxId: z.string().max(512).nullish(),
  /** Where it was tried. */
  host: z.string().max(64).nullish(),
})

/** The sandbox itself, or who runs it, says that it is over: no watchdog needed. */
export const sandboxExited = z.strictObject({
  ...version,
  type: z.literal('sandbox_exited'),
  generation: z.int().nonnegative(),
  reason: z.string().max(4000),
  /** True: asked for (host shuts down); false: crashed. */
  orderly: z.boolean(),
})

/** As in the job; absent: whichever image is awaited. */
const askedAtMs = z.int().nullish()

/** The provider has stored an image of the sandbox. */
export const sandboxSnapshotSaved = z.strictObject({
  ...version,
  type: z.literal('sandbox_snapshot_saved'),
  generation: z.int().nonnegative(),
  imageId: z.string().min(1).max(512),
  reason: z.string().max(256),
  askedAtMs,
})

/** It could not. */
export const sandboxSnapshotFailed = z.strictObject({
  ...version,
  type: z.literal('sandbox_snapshot_failed'),
  generation: z.int().nonnegative(),
  error: z.string().max(4000),
  reason: z.string().max(256),
  askedAtMs,
})

export const sandboxCommands = [
  sandboxConnected,
  sandboxDisconnected,
  sandboxEvents,
  promptDelivered,
  sandboxSpawned,
  sandboxDelayed,
  sandboxEvict,
  sandboxSpawnFailed,
  sandboxExited,
  sandboxSnapshotSaved,
  sandboxSnapshotFailed,
] as const
