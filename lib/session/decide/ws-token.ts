import type { CommandOf } from '../../../subjects/commands.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { participantFor } from './participants.ts'

/** Lets a user join. Several tokens live beside each other, so that tabs are independent (spec 3.9). */
export const issueWsToken = (
  draft: Draft,
  command: CommandOf<'issue_ws_token'>,
  context: Context,
): Reply => {
  const participant = participantFor(draft, command.user, 'member', context)
  const { participantId } = participant
  if (!participant.tokens.some(token => token.hash === command.tokenHash)) {
    draft.add({
      type: 'ws_token_issued',
      participantId,
      tokenHash: command.tokenHash,
      issuedAtMs: context.nowMs,
    })
  }
  return { ok: true, participantId }
}
