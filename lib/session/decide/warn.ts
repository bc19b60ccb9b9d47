/** What people must not miss. */
import type { Context } from '../decide.ts'
import { addLine, type Draft } from '../draft.ts'
import { derivedId } from '../ids.ts'

/** Said at once to who is there, and in the history for who comes later. */
export const warn = (draft: Draft, message: string, context: Context): void => {
  const { nowMs } = context
  draft.add({ type: 'sandbox_warning', message })
  addLine(draft, {
    // Of its own: one command may lead to several, behind lines of the sandbox.
    eventId: derivedId(context, 'warning', draft.events.length),
    messageId: null,
    atMs: nowMs,
    event: { type: 'warning', scope: 'start', message, timestamp: nowMs / 1000 },
  })
}
