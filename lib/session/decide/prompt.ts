import type { CommandOf } from '../../../subjects/commands.ts'
import type { ErrorCode } from '../../../subjects/errors.ts'
import type { Reply } from '../../../subjects/replies.ts'
import type { Context } from '../decide.ts'
import type { Draft } from '../draft.ts'
import { derivedId } from '../ids.ts'
import { MADE_TITLE_CHARS } from '../limits.ts'
import type { Policy } from '../policy.ts'
import { refused } from '../requests.ts'
import { isClosed, type SessionState, unfinishedCount } from '../state.ts'
import { participantFor } from './participants.ts'

type Prompt = CommandOf<'prompt'>
type Objection = readonly [code: ErrorCode, message?: string]

/** Why a text may not be a prompt's, or undefined. */
export const objectionToContent = (
  { content, attachments }: Readonly<{ content: string; attachments?: readonly unknown[] | null }>,
  policy: Policy,
): Objection | undefined => {
  if (!content.trim() && !attachments?.length) return ['INVALID_PROMPT', 'The prompt is empty']
  if (content.length > policy.maxPromptChars) {
    return ['INVALID_PROMPT', `The prompt is longer than ${policy.maxPromptChars} characters`]
  }
  return undefined
}

/** Why a prompt is turned away, or undefined. */
const objectionTo = (
  prompt: Prompt,
  state: SessionState,
  policy: Policy,
): Objection | undefined => {
  if (isClosed(state)) {
    return ['SESSION_NOT_PROMPTABLE', `Cannot prompt a ${state.status} session`]
  }
  const { content, attachments = null } = prompt
  const objection = objectionToContent({ content, attachments }, policy)
  if (objection) return objection
  if (unfinishedCount(state) >= policy.maxUnfinishedPrompts) return ['PROMPT_QUEUE_FULL']
  return undefined
}

/** Records that a prompt was turned away, so that people see it and why, and answers so. */
export const refusePrompt = (draft: Draft, prompt: Prompt, reply: Reply): Reply => {
  if (!reply.ok) {
    const { code, message } = reply
    const clientRequestId = prompt.clientRequestId ?? null
    draft.add({ type: 'prompt_refused', clientRequestId, code, message })
  }
  return reply
}

/** A title made of the first line that says something, or null. */
const firstLine = (content: string): string | null => {
  const line =
    content
      .split('\n')
      .find(one => one.trim() !== '')
      ?.trim() ?? ''
  if (line.length <= MADE_TITLE_CHARS) return line || null
  // Whole words, and never half of a character that takes two.
  const cut = line.slice(0, MADE_TITLE_CHARS - 1).replace(/\s+\S*$|[\ud800-\udbff]$/, '')
  return `${cut}…`
}

/** Queues a prompt. Its place counts everything unfinished, itself included: 1 = next (spec 2.4). */
export const prompt = (draft: Draft, command: Prompt, context: Context): Reply => {
  const objection = objectionTo(command, draft.state, context.policy)
  if (objection) return refusePrompt(draft, command, refused(...objection))

  const { participantId } = participantFor(
    draft,
    { ...command.author, userId: command.authorId },
    'member',
    context,
  )
  const messageId = derivedId(context, 'message')
  draft.add({
    type: 'prompt_queued',
    messageId,
    clientRequestId: command.clientRequestId ?? null,
    participantId,
    content: command.content,
    source: command.source,
    model: command.model ?? null,
    reasoningEffort: command.reasoningEffort ?? null,
    attachments: command.attachments?.length ? command.attachments : null,
    callbackContext: command.callbackContext ?? null,
    queuedAtMs: context.nowMs,
  })
  const title = draft.state.title ?? firstLine(command.content)
  if (title !== null && title !== draft.state.title) {
    draft.add({ type: 'session_title_changed', title, provisional: true })
  }
  return { ok: true, messageId, position: unfinishedCount(draft.state) }
}
