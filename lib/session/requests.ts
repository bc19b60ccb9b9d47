/** Idempotence: an accepted request is remembered, and its repetition gets the same answer. */
import { createHash } from 'node:crypto'
import type { CommandOf, SessionCommand } from '../../subjects/commands.ts'
import { ERRORS, type ErrorCode } from '../../subjects/errors.ts'
import type { Reply } from '../../subjects/replies.ts'
import { REMEMBERED_REQUESTS } from './limits.ts'
import type { Requests, SessionState } from './state.ts'

/** A reply that refuses; `message` replaces the code's own sentence. */
export const refused = (code: ErrorCode, message: string = ERRORS[code].text): Reply => ({
  ok: false,
  code,
  message,
})

/** JSON with sorted keys; null and absent are the same. */
const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (value === null || typeof value !== 'object') return value
  return Object.entries(value)
    .filter(([, inner]) => inner !== null && inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, canonical(inner)])
}

/** Encrypted anew each time, a token says nothing of whether two requests are the same. */
const withoutTokens = (value: unknown): unknown => {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  const entries = Object.entries(value).filter(([key]) => key !== 'scmToken')
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutTokens(inner)]))
}

const asked = (command: SessionCommand): unknown => {
  if (command.type === 'prompt') {
    const { authorId, content, model, reasoningEffort, attachments } = command
    return { authorId, content, model, reasoningEffort, attachments }
  }
  const { v: _v, ...rest } = command
  return withoutTokens({ ...rest, clientRequestId: undefined })
}

/** SHA-256 (hex) of what a command asks for, without its name for itself. */
export const fingerprintOf = (command: SessionCommand): string =>
  createHash('sha256')
    .update(JSON.stringify(canonical(asked(command))))
    .digest('hex')

/** The sender's name for the request, if it has one. */
export const requestIdOf = (command: SessionCommand): string | undefined =>
  'clientRequestId' in command ? command.clientRequestId : undefined

const isUnfinished = (state: SessionState, messageId: unknown): boolean =>
  state.running?.messageId === messageId || state.queue.some(one => one.messageId === messageId)

const conflict = (command: SessionCommand): Reply =>
  refused(command.type === 'prompt' ? 'PROMPT_REQUEST_CONFLICT' : 'REQUEST_CONFLICT')

/**
 * The answer to a request that was accepted before, or to another one under its name; undefined for a
 * new request. The position of a prompt that is over is null.
 */
export const repeatedReply = (state: SessionState, command: SessionCommand): Reply | undefined => {
  const id = requestIdOf(command)
  if (id === undefined) return undefined
  const { prompts, others } = state.requests
  const known = Object.hasOwn(prompts, id) ? prompts[id] : others.find(one => one.id === id)
  if (!known) return undefined
  if (known.fingerprint !== fingerprintOf(command)) return conflict(command)
  if (!known.reply.ok || !('position' in known.reply)) return known.reply
  return isUnfinished(state, known.reply.messageId)
    ? known.reply
    : { ...known.reply, position: null }
}

/** The memory with one more accepted request. */
export const remember = (
  requests: Requests,
  kind: string,
  request: { readonly id: string; readonly fingerprint: string },
  reply: Reply,
): Requests => {
  const { id, fingerprint } = request
  return kind === ('prompt' satisfies CommandOf<'prompt'>['type'])
    ? { ...requests, prompts: { ...requests.prompts, [id]: { fingerprint, reply } } }
    : {
        ...requests,
        others: [...requests.others, { id, fingerprint, reply }].slice(-REMEMBERED_REQUESTS),
      }
}
