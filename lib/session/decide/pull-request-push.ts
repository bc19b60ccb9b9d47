/** The push before a pull request: how it ends, and that it always does. */
import type { ErrorCode } from '../../../subjects/errors.ts'
import type { KnownSandboxEvent } from '../../../subjects/sandbox-event.ts'
import { sameBranch } from '../branch-names.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import type { OpenRequest, Push } from '../pull-requests.ts'
import { isDead } from '../state.ts'

type Reported = Extract<KnownSandboxEvent, { type: 'push_complete' | 'push_error' }>

const failed = (push: Push, failure: { code: ErrorCode; error: string }, nowMs: number) =>
  ({
    type: 'pull_request_settled',
    requestId: push.requestId,
    outcome: { status: 'failed', ...failure },
    settledAtMs: nowMs,
  }) as const

/** Whether a sandbox's word is about this push. Older programs name the branch, or nothing at all. */
const isAbout = (push: Push, { pushId, branchName, repoOwner, repoName }: Reported): boolean => {
  const elsewhere = (given: unknown, ours: string) =>
    typeof given === 'string' && given.toLowerCase() !== ours.toLowerCase()
  if (elsewhere(repoOwner, push.repoOwner) || elsewhere(repoName, push.repoName)) return false
  if (typeof pushId === 'string') return pushId === push.requestId
  return !branchName || sameBranch(branchName, push.branchName)
}

/** Takes a sandbox's word on its push. One that nobody waits for is only history. */
export const pushReported = (draft: Draft, event: Reported, { nowMs }: Context): void => {
  const { open } = draft.state.pullRequests
  if (!open?.push || !isAbout(open.push, event)) return
  const { requestId, branchName } = open.push
  const finished = { type: 'push_finished', requestId, branchName, finishedAtMs: nowMs } as const
  if (event.type === 'push_error') {
    const error = event.error.slice(0, 4_000)
    draft.add(
      { ...finished, success: false, error, reported: true },
      failed(open.push, { code: 'PUSH_FAILED', error: `Failed to push branch: ${error}` }, nowMs),
    )
    return
  }
  draft.add({ ...finished, success: true, error: null, reported: true })
  if (draft.state.branchName !== branchName) {
    draft.add({ type: 'session_branch_changed', branchName })
  }
  draft.add({ type: 'pull_request_opening', requestId, atMs: nowMs })
}

/** Waits for the push no longer, and has the sandbox let go of it. */
export const abandonPush = (
  draft: Draft,
  failure: { readonly code: ErrorCode; readonly error: string },
  { nowMs }: Context,
): void => {
  const push = draft.state.pullRequests.open?.push
  if (!push) return
  const { requestId, branchName } = push
  draft.add(
    {
      type: 'push_finished',
      requestId,
      branchName,
      success: false,
      error: failure.error,
      reported: false,
      finishedAtMs: nowMs,
    },
    failed(push, failure, nowMs),
  )
}

const seconds = (ms: number): number => Math.round(ms / 1000)

/** Nobody has reported in time: the sandbox on its push, or the github process. */
export const pullRequestExpired = (draft: Draft, context: Context): void => {
  const { open } = draft.state.pullRequests
  if (open?.push) {
    const error = `Failed to push branch: no answer within ${seconds(context.policy.pushTimeoutMs)} seconds`
    abandonPush(draft, { code: 'PUSH_FAILED', error }, context)
  } else if (open) {
    const error = `The git host has not answered within ${seconds(context.policy.pullRequestTimeoutMs)} seconds; the pull request may appear all the same`
    draft.add({
      type: 'pull_request_settled',
      requestId: open.requestId,
      outcome: { status: 'failed', code: 'PULL_REQUEST_FAILED', error },
      settledAtMs: context.nowMs,
    })
  }
}

/** A push is over with its sandbox, however that ended. Called after every decision. */
export const letGoOfPush = (draft: Draft, context: Context): void => {
  const { sandbox, pullRequests } = draft.state
  const push = pullRequests.open?.push
  if (!push || (push.generation === sandbox.generation && !isDead(sandbox))) return
  const error = 'Failed to push branch: the sandbox ended before it was pushed'
  abandonPush(draft, { code: 'PUSH_FAILED', error }, context)
}

/** When an unsettled request is given up. */
export const pullRequestDueMs = (
  open: OpenRequest,
  policy: { readonly pushTimeoutMs: number; readonly pullRequestTimeoutMs: number },
): number =>
  open.push
    ? open.push.requestedAtMs + policy.pushTimeoutMs
    : (open.openingAtMs ?? open.requestedAtMs) + policy.pullRequestTimeoutMs
