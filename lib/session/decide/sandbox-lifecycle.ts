/** What sandboxes, their sockets and those who run them report. Words of an older one are void. */
import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { refused } from '../requests.ts'
import { isAtRest, isClosed, isDead, isLive, isStarting } from '../state.ts'
import { EVICTED, endSandbox, sandboxIsGone, spawnFailed, TERMINATED } from './end-sandbox.ts'
import { STOPPED } from './finish.ts'
import { startAfresh } from './want-sandbox.ts'
import { warn } from './warn.ts'

const OK: Reply = { ok: true }

/** Something is known of it that was not known when it was given up. */
const namesMore = (
  known: Readonly<{ objectId: string | null; host: string }>,
  command: CommandOf<'sandbox_spawned'>,
): boolean => (command.objectId ?? null) !== known.objectId || command.host !== known.host

const acceptSpawned = (
  draft: Draft,
  command: CommandOf<'sandbox_spawned'>,
  context: Context,
): void => {
  const { sandbox } = draft.state
  const { generation, host, objectId = null } = command
  if (namesMore(sandbox, command)) {
    draft.add({ type: 'sandbox_spawned', generation, objectId, host })
    if (sandbox.restoredFrom !== null) {
      draft.add({ type: 'sandbox_restored', message: 'Session restored from snapshot' })
    }
    if (command.warning) warn(draft, command.warning, context)
  }
  // A bridge may connect before its provider has answered: then it stays ready.
  if (sandbox.status === 'spawning') {
    draft.add({ type: 'sandbox_status_changed', status: 'connecting', reason: null })
  }
}

/**
 * The provider accepted. One that was given up meanwhile is ended now that it can be named, lest it
 * run on unseen. A failed one is not given up: it booted slowly and may yet connect and heal.
 */
export const sandboxSpawned = (
  draft: Draft,
  command: CommandOf<'sandbox_spawned'>,
  context: Context,
): Reply => {
  const { sandbox } = draft.state
  const { generation, host, objectId = null } = command
  if (generation === 0) return OK
  const isCurrent = generation === sandbox.generation
  if (isCurrent && sandbox.status !== 'stopped' && sandbox.status !== 'stale') {
    acceptSpawned(draft, command, context)
    return OK
  }
  const known = isCurrent ? sandbox : sandbox.previous
  if (known?.generation === generation && namesMore(known, command)) {
    draft.add(
      { type: 'sandbox_spawned', generation, objectId, host },
      { type: 'sandbox_shutdown', generation, reason: TERMINATED },
    )
  }
  return OK
}

/** It waits for a place: whoever waits for it is told why. */
export const sandboxDelayed = (
  draft: Draft,
  { generation, reason }: CommandOf<'sandbox_delayed'>,
  context: Context,
): Reply => {
  const { sandbox } = draft.state
  if (generation === sandbox.generation && isStarting(sandbox)) warn(draft, reason, context)
  return OK
}

/** One at rest gives up its place, once its work is stored; one that is needed stays. */
export const sandboxEvict = (
  draft: Draft,
  { generation }: CommandOf<'sandbox_evict'>,
  context: Context,
): Reply => {
  const { sandbox, pullRequests } = draft.state
  const isIdle = isAtRest(draft.state) && pullRequests.open === null
  if (generation !== sandbox.generation || !isLive(sandbox) || isStarting(sandbox)) return OK
  if (isIdle) endSandbox(draft, { status: 'stopped', reason: EVICTED, error: STOPPED }, context)
  return OK
}

/**
 * The provider could not. A bridge that is connected nevertheless is believed more. An image that can
 * never be started says nothing about fresh sandboxes: one is asked for at once.
 */
export const sandboxSpawnFailed = (
  draft: Draft,
  command: CommandOf<'sandbox_spawn_failed'>,
  context: Context,
): Reply => {
  const { sandbox } = draft.state
  if (command.generation !== sandbox.generation || !isStarting(sandbox)) return OK
  if (command.permanent && sandbox.restoredFrom !== null) {
    startAfresh(draft, command.error, context)
  } else {
    spawnFailed(draft, { error: command.error, counts: command.permanent }, context)
  }
  return OK
}

/** A socket was accepted: it replaces an older one, and heals a sandbox that was thought failed. */
export const sandboxConnected = (
  draft: Draft,
  command: CommandOf<'sandbox_connected'>,
  context: Context,
): Reply => {
  const { sandbox } = draft.state
  const { generation, connectionId } = command
  if (isClosed(draft.state)) return refused('SESSION_TERMINAL')
  if (generation !== sandbox.generation || generation === 0) return refused('SANDBOX_GONE')
  if (sandbox.status === 'stopped' || sandbox.status === 'stale') return refused('SANDBOX_GONE')
  if (connectionId === sandbox.connectionId) return OK
  // An edge that hears no answer announces its socket again, maybe behind the socket's successor.
  if (sandbox.pastConnections.includes(connectionId)) return refused('SANDBOX_GONE')
  const { dedupes } = sandbox
  const connectedAtMs = context.nowMs
  draft.add({ type: 'sandbox_connected', generation, connectionId, dedupes, connectedAtMs })
  if (sandbox.status !== 'ready' && sandbox.status !== 'snapshotting') {
    draft.add({ type: 'sandbox_status_changed', status: 'ready', reason: null })
  }
  return OK
}

/** The socket closed, which says nothing about the sandbox's life: only a look is planned. */
export const sandboxDisconnected = (
  draft: Draft,
  command: CommandOf<'sandbox_disconnected'>,
  context: Context,
): Reply => {
  const { sandbox } = draft.state
  const { generation, connectionId } = command
  // A socket that was replaced closes late; that is no news.
  if (generation === sandbox.generation && connectionId === sandbox.connectionId) {
    draft.add({ type: 'sandbox_disconnected', generation, connectionId, atMs: context.nowMs })
  }
  return OK
}

/** The sandbox confirmed that the running prompt arrived. */
export const promptDelivered = (draft: Draft, command: CommandOf<'prompt_delivered'>): Reply => {
  const { running } = draft.state
  const { messageId, generation } = command
  if (running?.messageId === messageId && running.generation === generation && !running.delivered) {
    draft.add({ type: 'prompt_delivered', messageId })
  }
  return OK
}

/** The sandbox is over. One that never connected has failed to start, and that counts. */
export const sandboxExited = (
  draft: Draft,
  command: CommandOf<'sandbox_exited'>,
  context: Context,
): Reply => {
  const { sandbox } = draft.state
  const { reason, orderly } = command
  if (command.generation !== sandbox.generation || sandbox.generation === 0) return OK
  if (isDead(sandbox)) return OK
  if (orderly) {
    sandboxIsGone(draft, { status: 'stopped', reason }, context)
  } else if (isStarting(sandbox)) {
    spawnFailed(draft, { error: reason, counts: true }, context)
  } else {
    sandboxIsGone(draft, { status: 'stale', reason }, context)
    draft.add({ type: 'sandbox_warning', message: `The sandbox was lost: ${reason}` })
  }
  return OK
}
