/** Questions to a session's owner over core request/reply, and the owner's side of it. */
import { errors, type Msg } from '@nats-io/nats-core'
import type { z } from 'zod'
import {
  type AnswerOf,
  answerEnvelope,
  answers,
  type Question,
  type QuestionOf,
  type QuestionType,
  question,
} from '../../subjects/asks.ts'
import { codeOf, ERRORS, type ErrorCode, fail } from '../../subjects/errors.ts'
import { askSubject, asksOf, type Subject, sessionId } from '../../subjects/subjects.ts'
import type { Bus } from './connect.ts'
import { parseJson } from './json.ts'
import { retrying } from './retry.ts'

const DEADLINE_MS = 10_000
/** An owner may first have to rebuild the session. */
const ANSWER_WITHIN_MS = 5_000

/** Nobody there, or no answer in time: between two owners that is normal for a moment. */
const isSilence = (error: unknown): boolean =>
  error instanceof errors.TimeoutError ||
  error instanceof errors.NoRespondersError ||
  // No responders, or the connection broke under the question.
  error instanceof errors.RequestError ||
  error instanceof errors.ConnectionError ||
  codeOf(error) === 'NO_OWNER'

/**
 * Asks the owner, again and again while nobody answers.
 * @throws the code that the owner named, or NO_OWNER at the deadline
 */
export const ask = async <T extends QuestionType>(
  bus: Bus,
  asked: QuestionOf<T>,
  options: { readonly deadlineMs?: number } = {},
): Promise<AnswerOf<T>> => {
  const body = JSON.stringify(asked)
  const subject = askSubject(sessionId(asked.sid))
  const reply = await retrying(
    async remainingMs => {
      const message = await bus.nc.request(subject, body, {
        timeout: Math.min(ANSWER_WITHIN_MS, Math.ceil(remainingMs)),
      })
      return readAnswer(message)
    },
    { deadlineMs: options.deadlineMs ?? DEADLINE_MS, retryable: isSilence, mostMs: 250 },
  ).catch((error: unknown) => {
    throw isSilence(error) ? fail('NO_OWNER', { sid: asked.sid, error }) : error
  })
  const parsed = answers[asked.type].safeParse(reply)
  if (parsed.success) return parsed.data as AnswerOf<T>
  throw fail('INTERNAL', { question: asked.type, error: parsed.error })
}

/** What an answer on the wire holds. @throws the code that it names */
export const readAnswer = (message: Msg): unknown => {
  const envelope = parseJson(answerEnvelope, message.data)
  if (!envelope.ok) throw fail('INTERNAL', { reason: envelope.reason })
  if (envelope.value.ok) return envelope.value.answer
  const { code, message: text } = envelope.value
  throw fail(code in ERRORS ? (code as ErrorCode) : 'INTERNAL', { message: text })
}

/**
 * Answers the questions of one partition. What `answer` throws with a code goes back as that code;
 * anything else as INTERNAL. Only the partition's owner may do this.
 */
export const answerAsks = (
  bus: Bus,
  p: number,
  answer: (asked: Question) => Promise<unknown>,
  onError: (error: unknown, asked: Question | undefined) => void = () => {},
): { close(): void } =>
  answerQuestions(bus, { subject: asksOf(p), schema: question }, answer, onError)

/** As {@link answerAsks}, for questions of any schema; of a `queue` one process gets each. */
export const answerQuestions = <Q>(
  bus: Bus,
  where: { readonly subject: Subject; readonly schema: z.ZodType<Q>; readonly queue?: string },
  answer: (asked: Q) => Promise<unknown>,
  onError: (error: unknown, asked: Q | undefined) => void,
): { close(): void } => {
  const send = (message: Msg, envelope: object) => {
    message.respond(JSON.stringify({ v: 1, ...envelope }))
  }
  const refuse = (message: Msg, code: ErrorCode, text: string) =>
    send(message, { ok: false, code, message: text })
  const respond = async (message: Msg) => {
    const asked = parseJson(where.schema, message.data)
    if (!asked.ok) return refuse(message, 'INVALID_REQUEST', asked.reason)
    try {
      send(message, { ok: true, answer: await answer(asked.value) })
    } catch (thrown) {
      const code = codeOf(thrown)
      if (!code) onError(thrown, asked.value)
      refuse(message, code ?? 'INTERNAL', code ? (thrown as Error).message : ERRORS.INTERNAL.text)
    }
  }
  const subscription = bus.nc.subscribe(where.subject, {
    ...(where.queue === undefined ? {} : { queue: where.queue }),
    callback: (error, message) => {
      if (!error && message.reply) void respond(message)
    },
  })
  return { close: () => subscription.unsubscribe() }
}
