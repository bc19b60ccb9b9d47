import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { participantFor } from './participants.ts'
import { warmUp } from './want-sandbox.ts'

const DEFAULT_BRANCH = 'main'

/** Opens the session and warms a sandbox at once. The same id again changes nothing (spec 3.5). */
export const createSession = (
  draft: Draft,
  command: CommandOf<'create_session'>,
  context: Context,
): Reply => {
  if (draft.state.exists) {
    const owner = draft.state.participants[0]
    return { ok: true, ...(owner && { participantId: owner.participantId }) }
  }
  draft.add({
    type: 'session_created',
    sessionId: context.sid,
    title: command.title?.trim() || null,
    repoOwner: command.repoOwner,
    repoName: command.repoName,
    baseBranch: command.baseBranch || DEFAULT_BRANCH,
    model: command.model,
    reasoningEffort: command.reasoningEffort ?? null,
    createdAtMs: context.nowMs,
  })
  const owner = participantFor(draft, command.owner, 'owner', context)
  warmUp(draft, context)
  return { ok: true, participantId: owner.participantId }
}
