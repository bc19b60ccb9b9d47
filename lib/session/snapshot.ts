/** The parts of what is shown of a session that come from its state; history comes from the store. */
import type { SessionDetails } from '../../subjects/asks.ts'
import type { QueuedPrompt, SessionInfo, SessionSnapshot } from '../../subjects/frames-server.ts'
import type { SessionSummary } from '../../subjects/records.ts'
import { promptQueueOf } from './frames.ts'
import { shownPerson } from './people.ts'
import type { SessionState } from './state.ts'
import { viewOf } from './view.ts'

/** What everybody may know of the session. */
export const sessionInfoOf = (state: SessionState): SessionInfo => ({
  id: state.id,
  title: state.title,
  repoOwner: state.repoOwner,
  repoName: state.repoName,
  baseBranch: state.baseBranch,
  branchName: state.branchName,
  status: state.status,
  sandboxStatus: state.sandbox.status,
  messageCount: state.messageCount,
  createdAt: state.createdAtMs,
  updatedAt: state.updatedAtMs,
  model: state.model,
  reasoningEffort: state.reasoningEffort,
  isProcessing: state.running !== null,
  totalCost: state.totalCost,
})

/** The unfinished prompts, the running one first. */
export const queueOf = (state: SessionState): QueuedPrompt[] => promptQueueOf(viewOf(state))

/** A snapshot without what the store adds: `timeline` and `artifacts`. */
export const snapshotOf = (
  state: SessionState,
): Pick<
  SessionSnapshot,
  'session' | 'promptQueue' | 'version' | 'held' | 'spawnError' | 'sequence'
> => ({
  session: sessionInfoOf(state),
  promptQueue: queueOf(state),
  version: state.queueVersion,
  held: state.held,
  spawnError: state.spawnError,
  sequence: state.sequence,
})

/** What the seed's `GET /sessions/:id` shows besides. `id` of the sandbox's row is the session's. */
export const detailsOf = (state: SessionState): SessionDetails => ({
  baseSha: null,
  currentSha: state.currentSha,
  agentSessionId: state.agentSessionId,
  sandbox: state.exists
    ? {
        id: state.id,
        sandboxId: state.sandbox.sandboxId,
        objectId: state.sandbox.objectId,
        status: state.sandbox.status,
        gitSyncStatus: state.sandbox.gitSyncStatus,
        lastHeartbeat: state.sandbox.lastHeartbeatMs,
        generation: state.sandbox.generation,
      }
    : null,
})

/** A participant as clients see one, or undefined. */
export const participantOf = (state: SessionState, participantId: string) => {
  const found = state.participants.find(one => one.participantId === participantId)
  return found && shownPerson(found)
}

/** The session's line in the list of sessions. */
export const summaryOf = (state: SessionState): SessionSummary => {
  const owner = state.participants.find(one => one.role === 'owner') ?? state.participants[0]
  return {
    id: state.id,
    title: state.title,
    repoOwner: state.repoOwner,
    repoName: state.repoName,
    baseBranch: state.baseBranch,
    branchName: state.branchName,
    model: state.model,
    reasoningEffort: state.reasoningEffort,
    status: state.status,
    createdAtMs: state.createdAtMs,
    updatedAtMs: state.updatedAtMs,
    userId: owner?.userId ?? '',
    login: owner?.login ?? null,
    messageCount: state.messageCount,
    totalCost: state.totalCost,
    finishedAtMs: state.finishedAtMs,
  }
}
