/**
 * Asking for a pull request (spec 6.4): who may, from which branch into which, and whether the sandbox
 * has to push first. What follows is in pull-request-push.ts and pull-request-result.ts.
 */
import type { CommandOf } from '../../../subjects/commands.ts'
import type { ErrorCode } from '../../../subjects/errors.ts'
import type { Reply } from '../../../subjects/replies.ts'
import { headBranchName, isBranchName, ownBranch } from '../branch-names.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { derivedId } from '../ids.ts'
import { isOpen } from '../pull-requests.ts'
import { refused } from '../requests.ts'
import { isClosed, isConnected, isLive, isStarting, type SessionState } from '../state.ts'
import { participantFor } from './participants.ts'
import { abandonPush } from './pull-request-push.ts'

type Request = CommandOf<'create_pull_request'>
type Refusal = readonly [code: ErrorCode, message?: string]
type Found<T> = Readonly<{ found: T } | { refusal: Refusal }>

const refuse = (...refusal: Refusal): { refusal: Refusal } => ({ refusal })

/** For whom it is opened: the author of the prompt that runs in the sandbox, or the person who asks. */
const authorOf = (draft: Draft, { by }: Pick<Request, 'by'>, context: Context): Found<string> => {
  const { running, sandbox, participants } = draft.state
  if (by.kind === 'sandbox') {
    if (by.generation !== sandbox.generation || by.generation === 0) return refuse('SANDBOX_GONE')
    return running ? { found: running.participantId } : refuse('NO_ACTIVE_PROMPT')
  }
  if (!participants.some(one => one.userId === by.userId)) {
    return refuse('NOT_A_PARTICIPANT', 'Only who takes part in the session may do that')
  }
  const { kind: _, ...user } = by
  return { found: participantFor(draft, user, 'member', context).participantId }
}

/** The requested head, else the session's branch, else its own. A branch into itself is none. */
const headOf = (state: SessionState, asked: string | null, base: string): Found<string> => {
  if (asked !== null) {
    const head = headBranchName(asked)
    if (head === undefined) {
      return refuse('INVALID_REQUEST', 'headBranch must be a valid branch name')
    }
    return head === base.toLowerCase()
      ? refuse('INVALID_REQUEST', 'headBranch must be another branch than the base')
      : { found: head }
  }
  const own = ownBranch(state.id)
  const candidates = [state.branchName, own].filter(one => one !== null)
  const head = candidates.find(one => one.toLowerCase() !== base.toLowerCase())
  return head === undefined
    ? refuse('INVALID_REQUEST', 'baseBranch must be another branch than the session’s own')
    : { found: head }
}

/** Work of this session that lies on another branch than the one that its checkout goes to. */
const wouldOverwrite = ({ branchName, pullRequests, id }: SessionState, head: string): boolean =>
  head !== branchName &&
  head !== ownBranch(id) &&
  pullRequests.tracked.some(one => isOpen(one) && one.headBranch === head)

const objectionTo = (state: SessionState, gitUrl: string | null): Refusal | undefined => {
  if (gitUrl === null) return ['NO_GIT_HOST']
  if (isClosed(state)) {
    return [
      'SESSION_NOT_PROMPTABLE',
      `Cannot open a pull request in a session that is ${state.status}`,
    ]
  }
  if (state.pullRequests.open) {
    const { repoOwner, repoName } = state
    return [
      'PULL_REQUEST_BUSY',
      `A pull request is already being created for ${repoOwner}/${repoName}`,
    ]
  }
  return undefined
}

/** Who asks over the sandbox's own token shows by it that the sandbox lives. */
const canPush = ({ sandbox }: SessionState, { by }: Request): boolean =>
  by.kind === 'sandbox' ? isLive(sandbox) && !isStarting(sandbox) : isConnected(sandbox)

/** Begins a pull request. One at a time; everything else about it comes in later commands. */
export const createPullRequest = (draft: Draft, command: Request, context: Context): Reply => {
  const { nowMs, policy } = context
  const objection = objectionTo(draft.state, policy.gitUrl)
  if (objection) return refused(...objection)
  const baseBranch = command.baseBranch || draft.state.baseBranch
  if (!isBranchName(baseBranch)) {
    return refused('INVALID_REQUEST', 'baseBranch must be a valid branch name')
  }
  const head = headOf(draft.state, command.headBranch ?? null, baseBranch)
  if ('refusal' in head) return refused(...head.refusal)
  const headBranch = head.found
  if (wouldOverwrite(draft.state, headBranch)) return refused('HEAD_BRANCH_CONFLICT')
  const author = authorOf(draft, command, context)
  if ('refusal' in author) return refused(...author.refusal)

  const requestId = derivedId(context, 'pull_request')
  const { branchName, id, repoOwner, repoName, sandbox } = draft.state
  draft.add({
    type: 'pull_request_requested',
    requestId,
    participantId: author.found,
    by: command.by.kind,
    title: command.title,
    body: command.body,
    headBranch,
    baseBranch,
    draft: command.draft ?? false,
    requestedAtMs: nowMs,
  })
  if (canPush(draft.state, command)) {
    draft.add({
      type: 'push_requested',
      requestId,
      generation: sandbox.generation,
      repoOwner,
      repoName,
      branchName: headBranch,
      remoteUrl: `${policy.gitUrl}/${repoOwner}/${repoName}.git`,
      force: headBranch === branchName || headBranch === ownBranch(id),
      requestedAtMs: nowMs,
    })
  } else {
    draft.add({ type: 'pull_request_opening', requestId, atMs: nowMs })
  }
  return { ok: true, requestId }
}

/** Gives a request up. What the git host is at cannot be taken back. */
export const cancelPullRequest = (
  draft: Draft,
  command: CommandOf<'cancel_pull_request'>,
  context: Context,
): Reply => {
  const { open } = draft.state.pullRequests
  if (!open || (command.requestId ?? open.requestId) !== open.requestId) {
    return refused('PULL_REQUEST_NOT_FOUND')
  }
  const author = authorOf(draft, command, context)
  if ('refusal' in author) return refused(...author.refusal)
  if (!open.push) return refused('PULL_REQUEST_BUSY', 'The pull request is being opened already')
  const error = 'The pull request was given up before its branch was pushed'
  abandonPush(draft, { code: 'PULL_REQUEST_CANCELLED', error }, context)
  return { ok: true, requestId: open.requestId }
}
