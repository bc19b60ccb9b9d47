/** What the git host says of pull requests and branches: answers to our requests, and webhooks. */
import type { CommandOf } from '../../../subjects/commands.ts'
import type { PullRequestState } from '../../../subjects/github.ts'
import type { PullRequestOutcome } from '../../../subjects/records.ts'
import type { Reply } from '../../../subjects/replies.ts'
import { ownBranch, sameBranch } from '../branch-names.ts'
import type { Context } from '../decide.ts'
import { addLine, type Draft } from '../draft.ts'
import { derivedId } from '../ids.ts'
import { pullRequestMetadata, type TrackedPullRequest } from '../pull-requests.ts'
import type { SessionState } from '../state.ts'

const OK: Reply = { ok: true }

/** The git host tells times in whole seconds: at the same one, the later stage is the newer. */
const STAGE: Readonly<Record<PullRequestState, number>> = {
  draft: 0,
  open: 0,
  closed: 1,
  merged: 2,
}

/** Whether `next` is no older than what is known. What is merged stays so. */
const isNewer = (known: TrackedPullRequest, next: TrackedPullRequest): boolean => {
  if (known.state === 'merged' && next.state !== 'merged') return false
  const before = known.providerUpdatedAtMs
  const after = next.providerUpdatedAtMs
  if (before === null || after === null) return true
  return after > before || (after === before && STAGE[next.state] >= STAGE[known.state])
}

const isSame = (a: TrackedPullRequest, b: TrackedPullRequest): boolean =>
  (Object.keys(a) as (keyof TrackedPullRequest)[]).every(key => a[key] === b[key])

/** The pull request of a number; one of another repository is another one. */
const trackedOf = (
  { pullRequests }: SessionState,
  number: number,
  repositoryId: number | null,
): TrackedPullRequest | undefined =>
  pullRequests.tracked.find(
    one =>
      one.number === number &&
      (one.repositoryId === null || repositoryId === null || one.repositoryId === repositoryId),
  )

const show = (draft: Draft, one: TrackedPullRequest, isNew: boolean, context: Context): void => {
  const { artifactId, url } = one
  const shown = { artifactId, artifactType: 'pr', url, metadata: pullRequestMetadata(one) }
  if (!isNew) {
    draft.add({ type: 'artifact_updated', ...shown, updatedAtMs: context.nowMs })
    return
  }
  draft.add({ type: 'artifact_created', ...shown, createdAtMs: context.nowMs })
  const { artifactType, metadata } = shown
  addLine(draft, {
    eventId: `artifact:${artifactId}`,
    messageId: draft.state.running?.messageId ?? null,
    atMs: context.nowMs,
    event: {
      type: 'artifact',
      artifactId,
      artifactType,
      url,
      metadata,
      timestamp: context.nowMs / 1000,
    },
  })
}

/** Notes how a pull request stands, unless something newer is known. */
const track = (
  draft: Draft,
  told: Omit<TrackedPullRequest, 'artifactId'>,
  context: Context,
): void => {
  const known = trackedOf(draft.state, told.number, told.repositoryId)
  const next: TrackedPullRequest = {
    ...told,
    artifactId: known?.artifactId ?? derivedId(context, 'artifact'),
    repositoryId: told.repositoryId ?? known?.repositoryId ?? null,
    headSha: told.headSha ?? known?.headSha ?? null,
    authoredBy: told.authoredBy ?? known?.authoredBy ?? null,
    providerUpdatedAtMs: told.providerUpdatedAtMs ?? known?.providerUpdatedAtMs ?? null,
  }
  if (known && (!isNewer(known, next) || isSame(known, next))) return
  draft.add({ type: 'pull_request_tracked', ...next })
  show(draft, next, !known, context)
}

const settle = (
  draft: Draft,
  requestId: string,
  outcome: PullRequestOutcome,
  { nowMs }: Context,
): void => {
  if (draft.state.pullRequests.open?.requestId !== requestId) return
  draft.add({ type: 'pull_request_settled', requestId, outcome, settledAtMs: nowMs })
}

/** It is there, also when nobody waits for it any more. */
export const pullRequestOpened = (
  draft: Draft,
  command: CommandOf<'pull_request_opened'>,
  context: Context,
): Reply => {
  const { number, url, title, state, headBranch, baseBranch, updated, authoredBy } = command
  track(
    draft,
    {
      number,
      url,
      title,
      state,
      headBranch,
      baseBranch,
      authoredBy,
      repositoryId: command.repositoryId ?? null,
      headSha: command.headSha ?? null,
      providerUpdatedAtMs: command.providerUpdatedAtMs ?? null,
    },
    context,
  )
  const outcome = { status: 'opened', number, url, state, headBranch, baseBranch, updated } as const
  settle(draft, command.requestId, outcome, context)
  return OK
}

/** A person has to open it: the address is kept, once for each head. */
export const pullRequestManual = (
  draft: Draft,
  command: CommandOf<'pull_request_manual'>,
  context: Context,
): Reply => {
  const { requestId, url, headBranch, baseBranch } = command
  const { open, manualHeads } = draft.state.pullRequests
  if (open?.requestId !== requestId) return OK
  if (!manualHeads.includes(headBranch)) {
    draft.add({
      type: 'artifact_created',
      artifactId: derivedId(context, 'artifact'),
      artifactType: 'branch',
      url,
      metadata: { mode: 'manual_pr', head: headBranch, base: baseBranch, createPrUrl: url },
      createdAtMs: context.nowMs,
    })
  }
  settle(draft, requestId, { status: 'manual', url, headBranch, baseBranch }, context)
  return OK
}

export const pullRequestFailed = (
  draft: Draft,
  { requestId, code, error }: CommandOf<'pull_request_failed'>,
  context: Context,
): Reply => {
  settle(draft, requestId, { status: 'failed', code, error }, context)
  return OK
}

/** Branches that nobody but this session has a reason to open a pull request of. */
const isOurs = (state: SessionState, branch: string): boolean =>
  [
    ownBranch(state.id),
    state.branchName,
    state.pullRequests.open?.headBranch,
    ...state.pullRequests.manualHeads,
  ].some(ours => typeof ours === 'string' && sameBranch(ours, branch))

/**
 * A webhook says how a pull request stands. One that is not known yet is the session's only if its
 * head is: opened by hand, or its opening was told before our own request's answer.
 */
export const pullRequestChanged = (
  draft: Draft,
  command: CommandOf<'pull_request_changed'>,
  context: Context,
): Reply => {
  const { number, repositoryId, url, state, headBranch, baseBranch } = command
  const known = trackedOf(draft.state, number, repositoryId)
  if (!known && !isOurs(draft.state, headBranch)) return OK
  track(
    draft,
    {
      number,
      repositoryId,
      url,
      state,
      headBranch,
      baseBranch,
      title: command.title ?? known?.title ?? `#${number}`,
      headSha: command.headSha ?? null,
      authoredBy: null,
      providerUpdatedAtMs: command.providerUpdatedAtMs,
    },
    context,
  )
  return OK
}

/** The session's branch stands at another commit now. */
export const gitPushed = (draft: Draft, { branch, sha }: CommandOf<'git_pushed'>): Reply => {
  const { currentSha, sandbox } = draft.state
  if (!isOurs(draft.state, branch)) return OK
  if (sha === currentSha && sandbox.gitSyncStatus === 'completed') return OK
  draft.add({ type: 'sandbox_git_sync', status: 'completed', sha })
  if (sha !== currentSha) draft.add({ type: 'session_sha_changed', sha })
  return OK
}
