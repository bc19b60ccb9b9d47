/** A sandbox that was under way when its session was deleted must not run on, or leave anything. */
import type { SessionCommand } from '../../../subjects/commands.ts'
import { ANY_HOST } from '../../../subjects/subjects.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'

/**
 * Has destroyed what a provider has started, or half started, for a deleted session. The deletion is
 * told once more, because the newest record of a deleted session has to say that it was deleted.
 */
export const reportedTooLate = (draft: Draft, command: SessionCommand, context: Context): void => {
  if (command.type !== 'sandbox_spawned' && command.type !== 'sandbox_spawn_failed') return
  const { generation } = command
  const objectId = command.type === 'sandbox_spawned' ? (command.objectId ?? null) : null
  const host = command.host ?? ANY_HOST
  const sandboxId = command.sandboxId ?? objectId ?? context.sid
  draft.add(
    { type: 'sandbox_orphaned', sessionId: context.sid, generation, sandboxId, objectId, host },
    { type: 'session_deleted', userId: null, atMs: context.nowMs },
  )
}
