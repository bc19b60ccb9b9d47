/** Events about the session itself → the row of `session`. */
import type { SessionEventOf, SessionSummary } from '../../../subjects/records.ts'
import type { SessionRow } from '../entities/session.ts'
import type { Batch } from './batch.ts'
import { emptySandbox } from './sandbox.ts'

/** Makes both single rows. A second creation of the same session cannot be in a log. */
export const sessionCreated = (batch: Batch, event: SessionEventOf<'session_created'>): void => {
  batch.session = {
    id: event.sessionId,
    session_name: event.sessionId,
    title: event.title,
    repo_owner: event.repoOwner,
    repo_name: event.repoName,
    repo_default_branch: event.baseBranch,
    branch_name: null,
    base_sha: null,
    current_sha: null,
    opencode_session_id: null,
    model: event.model,
    reasoning_effort: event.reasoningEffort,
    status: 'created',
    total_cost: 0,
    created_at: event.createdAtMs,
    updated_at: event.createdAtMs,
  }
  batch.sandbox = emptySandbox(event.sessionId)
}

export const changeSession = (batch: Batch, change: Partial<SessionRow>): void => {
  if (batch.session) batch.session = { ...batch.session, ...change }
}

export const costAdded = (batch: Batch, event: SessionEventOf<'cost_added'>): void =>
  changeSession(batch, { total_cost: (batch.session?.total_cost ?? 0) + event.cost })

/** A bridge that names no session of the agent leaves the one that is known. */
export const bridgeReady = (
  batch: Batch,
  { agentSessionId }: SessionEventOf<'sandbox_bridge_ready'>,
): void => {
  if (agentSessionId !== null) changeSession(batch, { opencode_session_id: agentSessionId })
}

/** The core says in each record's summary when the session last changed; strictly increasing. */
export const sessionTouched = (batch: Batch, summary: SessionSummary | null): void => {
  if (summary) {
    changeSession(batch, { updated_at: summary.updatedAtMs, branch_name: summary.branchName })
  }
}
