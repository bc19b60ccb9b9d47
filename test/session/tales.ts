/** Commands as the scenes tell them. */
import type { CommandInput } from '../../subjects/commands.ts'
import { at, SID, START_MS, type Step } from './scene.ts'

export const OWN_BRANCH = `open-inspect/${SID}`

type Fields<T extends CommandInput['type']> = Partial<Extract<CommandInput, { type: T }>>

export const create = (more: Fields<'create_session'> = {}): CommandInput => ({
  v: 1,
  type: 'create_session',
  repoOwner: 'acme',
  repoName: 'shop',
  title: 'A session',
  model: 'anthropic/claude-haiku-4-5',
  owner: { userId: 'ada', login: 'ada-l', name: 'Ada', email: 'ada@example.org' },
  ...more,
})
export const prompt = (content: string, more: Fields<'prompt'> = {}): CommandInput => ({
  v: 1,
  type: 'prompt',
  content,
  authorId: 'ada',
  ...more,
})
export const stop = (more: Fields<'stop'> = {}): CommandInput => ({ v: 1, type: 'stop', ...more })
const by = { v: 1, userId: 'ada' } as const
export const cancel = (messageId: string, more: Fields<'cancel_prompt'> = {}): CommandInput => ({
  ...by,
  type: 'cancel_prompt',
  messageId,
  ...more,
})
export const edit = (
  messageId: string,
  content: string,
  version: number,
  more: Fields<'edit_prompt'> = {},
): CommandInput => ({ ...by, type: 'edit_prompt', messageId, content, version, ...more })
export const move = (
  messageId: string,
  before: string | null,
  version: number,
  more: Fields<'move_prompt'> = {},
): CommandInput => ({ ...by, type: 'move_prompt', messageId, before, version, ...more })
export const hold = (more: Fields<'hold_queue'> = {}): CommandInput => ({
  ...by,
  type: 'hold_queue',
  ...more,
})
export const release = (more: Fields<'release_queue'> = {}): CommandInput => ({
  ...by,
  type: 'release_queue',
  ...more,
})
export const title = (text: string): CommandInput => ({ ...by, type: 'set_title', title: text })
export const archive = (userId = 'ada', more: Fields<'archive_session'> = {}): CommandInput => ({
  ...by,
  type: 'archive_session',
  userId,
  ...more,
})
export const unarchive = (
  userId = 'ada',
  more: Fields<'unarchive_session'> = {},
): CommandInput => ({
  ...by,
  type: 'unarchive_session',
  userId,
  ...more,
})
export const cancelSession = (more: Fields<'cancel_session'> = {}): CommandInput => ({
  ...by,
  type: 'cancel_session',
  ...more,
})
export const remove = (more: Fields<'delete_session'> = {}): CommandInput => ({
  ...by,
  type: 'delete_session',
  ...more,
})
export const invite = (userId: string, more: Fields<'add_participant'> = {}): CommandInput => ({
  v: 1,
  type: 'add_participant',
  user: { userId },
  ...more,
})
export const snapshotSaved = (
  imageId: string,
  generation = 1,
  more: Fields<'sandbox_snapshot_saved'> = {},
): CommandInput => ({
  v: 1,
  type: 'sandbox_snapshot_saved',
  generation,
  imageId,
  reason: 'execution_complete',
  ...more,
})
export const snapshotFailed = (reason = 'execution_complete', generation = 1): CommandInput => ({
  v: 1,
  type: 'sandbox_snapshot_failed',
  generation,
  error: 'no room',
  reason,
})
export const warm = (): CommandInput => ({ v: 1, type: 'warm', reason: 'typing' })
/** `hash`: one hexadecimal digit is repeated to the length of a hash. */
export const wsToken = (hash: string, userId = 'ada', clientRequestId?: string): CommandInput => ({
  v: 1,
  type: 'issue_ws_token',
  user: { userId },
  tokenHash: hash.length === 1 ? hash.repeat(64) : hash,
  ...(clientRequestId === undefined ? {} : { clientRequestId }),
})
export const spawned = (generation = 1, more: Fields<'sandbox_spawned'> = {}): CommandInput => ({
  v: 1,
  type: 'sandbox_spawned',
  generation,
  objectId: `object-${generation}`,
  host: 'host-a',
  ...more,
})
export const spawnFailed = (generation = 1, permanent = true): CommandInput => ({
  v: 1,
  type: 'sandbox_spawn_failed',
  generation,
  error: 'no room',
  permanent,
})
export const delayed = (generation = 1): CommandInput => ({
  v: 1,
  type: 'sandbox_delayed',
  generation,
  reason: 'no place',
})
export const evict = (generation = 1): CommandInput => ({ v: 1, type: 'sandbox_evict', generation })
export const connected = (connectionId = 'c1', generation = 1): CommandInput => ({
  v: 1,
  type: 'sandbox_connected',
  generation,
  connectionId,
})
export const disconnected = (connectionId = 'c1', generation = 1): CommandInput => ({
  v: 1,
  type: 'sandbox_disconnected',
  generation,
  connectionId,
})
export const delivered = (messageId: string, generation = 1): CommandInput => ({
  v: 1,
  type: 'prompt_delivered',
  generation,
  connectionId: 'c1',
  messageId,
})
export const exited = (orderly = false, generation = 1): CommandInput => ({
  v: 1,
  type: 'sandbox_exited',
  generation,
  reason: 'exit code 1',
  orderly,
})
type Said = { readonly type: string } & Record<string, unknown>
export const says = (...events: Said[]): CommandInput => ({
  v: 1,
  type: 'sandbox_events',
  generation: 1,
  events,
})
export const saysOf = (generation: number, ...events: Said[]): CommandInput => ({
  v: 1,
  type: 'sandbox_events',
  generation,
  events,
})
export const writes = (messageId: string, content: string, ...events: Said[]): CommandInput => ({
  v: 1,
  type: 'sandbox_events',
  generation: 1,
  text: { messageId, content },
  events,
})
let ends = 0
/** The end of a run as every program but the first reports it: with an id. */
export const done = (messageId?: string, success = true): Said => ({
  type: 'execution_complete',
  ackId: `execution_complete:${++ends}`,
  success,
  ...(messageId === undefined ? {} : { messageId }),
})
/** A deadline that fires exactly when it is due, `atMs` after the scene began. */
export const fires = (name: string, atMs: number | undefined, storedAtMs = atMs): Step =>
  at(storedAtMs ?? 0, { v: 1, type: 'deadline', name, atMs: START_MS + (atMs ?? 0) })

/** A session whose sandbox has just connected. */
export const ready: readonly CommandInput[] = [create(), spawned(), connected()]
/** Asked by the sandbox of generation 1, unless somebody else is named. */
export const pullRequest = (more: Fields<'create_pull_request'> = {}): CommandInput => ({
  v: 1,
  type: 'create_pull_request',
  by: { kind: 'sandbox', generation: 1 },
  title: 'Add a shop',
  body: 'It sells.',
  ...more,
})
export const cancelsPullRequest = (more: Fields<'cancel_pull_request'> = {}): CommandInput => ({
  v: 1,
  type: 'cancel_pull_request',
  by: { kind: 'user', userId: 'ada' },
  ...more,
})
export const opened = (
  requestId: string,
  more: Fields<'pull_request_opened'> = {},
): CommandInput => ({
  v: 1,
  type: 'pull_request_opened',
  requestId,
  number: 7,
  url: 'https://git.example.org/acme/shop/pull/7',
  state: 'open',
  title: 'Add a shop',
  headBranch: OWN_BRANCH,
  baseBranch: 'main',
  updated: false,
  repositoryId: 99,
  authoredBy: 'user',
  providerUpdatedAtMs: START_MS,
  ...more,
})
export const manual = (requestId: string): CommandInput => ({
  v: 1,
  type: 'pull_request_manual',
  requestId,
  url: 'https://git.example.org/acme/shop/pull/new/x',
  headBranch: OWN_BRANCH,
  baseBranch: 'main',
})
export const notOpened = (requestId: string): CommandInput => ({
  v: 1,
  type: 'pull_request_failed',
  requestId,
  code: 'PULL_REQUEST_FAILED',
  error: 'Validation Failed',
})
export const changes = (more: Fields<'pull_request_changed'> = {}): CommandInput => ({
  v: 1,
  type: 'pull_request_changed',
  repositoryId: 99,
  number: 7,
  state: 'merged',
  title: 'Add a shop',
  url: 'https://git.example.org/acme/shop/pull/7',
  headBranch: OWN_BRANCH,
  baseBranch: 'main',
  providerUpdatedAtMs: START_MS + 1_000,
  deliveryId: 'delivery-1',
  ...more,
})
export const gitPushed = (sha: string, branch = OWN_BRANCH): CommandInput => ({
  v: 1,
  type: 'git_pushed',
  branch,
  sha,
  deliveryId: `delivery-${sha}`,
})
export const pushed = (more: Readonly<Record<string, unknown>> = {}): Said => ({
  type: 'push_complete',
  branchName: OWN_BRANCH,
  ...more,
})
export const notPushed = (more: Readonly<Record<string, unknown>> = {}): Said => ({
  type: 'push_error',
  error: 'remote hung up',
  ...more,
})
