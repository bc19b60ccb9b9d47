import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { STOPPED, stopRunning } from './finish.ts'

/** Stops what runs, and only that: what waits goes on. With nothing to stop it is fine too. */
export const stop = (draft: Draft, command: CommandOf<'stop'>, context: Context): Reply => {
  const { running } = draft.state
  if (running && (!command.messageId || command.messageId === running.messageId)) {
    stopRunning(draft, STOPPED, command.userId ?? null, context)
  }
  return { ok: true }
}
