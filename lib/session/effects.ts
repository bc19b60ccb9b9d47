/** What the world must do because of an event. Doing it twice must not matter: it has an id. */
import type { PullRequestJob } from '../../subjects/github.ts'
import type {
  CallbackJob,
  RestoreJob,
  SnapshotJob,
  SpawnJob,
  StopJob,
} from '../../subjects/jobs.ts'
import type { Effect, SessionEvent, SessionEventOf } from '../../subjects/records.ts'
import { ANY_HOST } from '../../subjects/subjects.ts'
import { isOpen } from './pull-requests.ts'
import type { SessionState } from './state.ts'

type Wanted = Effect extends infer E ? (E extends Effect ? Omit<E, 'id'> : never) : never

const spawn = (before: SessionState, event: SessionEventOf<'sandbox_requested'>): Wanted => {
  const { sandboxId, objectId } = before.sandbox
  const payload: SpawnJob = {
    v: 1,
    sid: before.id,
    generation: event.generation,
    sandboxId: event.sandboxId,
    repoOwner: before.repoOwner,
    repoName: before.repoName,
    baseBranch: before.baseBranch,
    model: before.model,
    agentSessionId: before.agentSessionId,
    replaces: sandboxId === null ? null : { sandboxId, objectId },
  }
  if (event.snapshotImageId === null) {
    return { kind: 'sandbox_job', job: 'spawn', host: ANY_HOST, payload }
  }
  const restore: RestoreJob = { ...payload, snapshotImageId: event.snapshotImageId }
  return { kind: 'sandbox_job', job: 'restore', host: ANY_HOST, payload: restore }
}

/** The sandbox of a generation, if it is the present one or the one before. */
const sandboxOf = (state: SessionState, generation: number) =>
  state.sandbox.generation === generation ? state.sandbox : state.sandbox.previous

const stop = (before: SessionState, event: SessionEventOf<'sandbox_shutdown'>): Wanted[] => {
  const sandbox = sandboxOf(before, event.generation)
  if (!sandbox?.sandboxId) return []
  const { generation, sandboxId, objectId, host } = sandbox
  const payload: StopJob = {
    v: 1,
    sid: before.id,
    generation,
    sandboxId,
    objectId,
    reason: event.reason,
  }
  return [{ kind: 'sandbox_job', job: 'stop', host, payload }]
}

const snapshot = (before: SessionState, event: SessionEventOf<'snapshot_started'>): Wanted[] => {
  const { generation, sandboxId, objectId, host } = before.sandbox
  if (!sandboxId || generation !== event.generation) return []
  const { reason, atMs: askedAtMs } = event
  const named = { sid: before.id, generation, sandboxId, objectId }
  const payload: SnapshotJob = { v: 1, ...named, reason, askedAtMs }
  return [{ kind: 'sandbox_job', job: 'snapshot', host, payload }]
}

/** Ends every sandbox that is still known, and has removed what they left behind. */
const destroy = ({ id, sandbox }: SessionState): Wanted[] =>
  [sandbox.previous, sandbox].flatMap((one): Wanted[] => {
    if (!one?.sandboxId) return []
    const { generation, sandboxId, objectId, host } = one
    const reason = 'Session deleted'
    const payload: StopJob = { v: 1, sid: id, generation, sandboxId, objectId, reason }
    return [{ kind: 'sandbox_job', job: 'destroy', host, payload }]
  })

const orphan = (event: SessionEventOf<'sandbox_orphaned'>): Wanted => {
  const { type: _, sessionId: sid, host, ...sandbox } = event
  const payload: StopJob = { v: 1, sid, ...sandbox, reason: 'Session deleted' }
  return { kind: 'sandbox_job', job: 'destroy', host, payload }
}

/** Whoever asked for the prompt from elsewhere, and waits to hear of its end. */
const callBack = (
  { id, running, queue }: SessionState,
  event: SessionEventOf<'prompt_finished' | 'prompt_dropped'>,
): Wanted[] => {
  const { messageId, error, finishedAtMs } = event
  const message = [running, ...queue].find(one => one?.messageId === messageId)
  if (!message?.callbackContext) return []
  const { source, callbackContext: context } = message
  const success = event.type === 'prompt_finished' && event.success
  const ending = { success, error, context, finishedAtMs }
  const payload: CallbackJob = { v: 1, sid: id, messageId, source, ...ending }
  return [{ kind: 'callback_job', payload }]
}

const openPullRequest = (before: SessionState): Wanted[] => {
  const { open, tracked } = before.pullRequests
  const author = before.participants.find(one => one.participantId === open?.participantId)
  if (!open || !author) return []
  const known = tracked.find(
    one => isOpen(one) && one.headBranch === open.headBranch && one.baseBranch === open.baseBranch,
  )
  const payload: PullRequestJob = {
    v: 1,
    sid: before.id,
    requestId: open.requestId,
    repoOwner: before.repoOwner,
    repoName: before.repoName,
    title: open.title,
    body: open.body,
    head: open.headBranch,
    base: open.baseBranch,
    draft: open.draft,
    author: {
      userId: author.userId,
      login: author.login,
      githubUserId: author.githubUserId,
      accessTokenEncrypted: author.scmToken?.encrypted ?? null,
      tokenExpiresAtMs: author.scmToken?.expiresAtMs ?? null,
    },
    known: known?.number ?? null,
  }
  return [{ kind: 'github_job', job: 'pull_request', payload }]
}

/** The effects of an event; `before` is the state before it. */
export const effectsOf = (before: SessionState, event: SessionEvent): readonly Wanted[] => {
  if (event.type === 'sandbox_requested') return [spawn(before, event)]
  if (event.type === 'sandbox_shutdown') return stop(before, event)
  if (event.type === 'snapshot_started') return snapshot(before, event)
  if (event.type === 'pull_request_opening') return openPullRequest(before)
  if (event.type === 'session_deleted') return destroy(before)
  if (event.type === 'sandbox_orphaned') return [orphan(event)]
  if (event.type === 'prompt_finished' || event.type === 'prompt_dropped') {
    return callBack(before, event)
  }
  return []
}
