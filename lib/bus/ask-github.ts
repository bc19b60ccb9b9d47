/** Questions to any github process, over core request/reply, and the github process's side of it. */
import { errors } from '@nats-io/nats-core'
import { codeOf, fail } from '../../subjects/errors.ts'
import {
  type GithubAnswerOf,
  type GithubQuestion,
  type GithubQuestionOf,
  type GithubQuestionType,
  githubAnswers,
  githubQuestion,
} from '../../subjects/github.ts'
import { GITHUB_ASK } from '../../subjects/subjects.ts'
import { answerQuestions, readAnswer } from './ask.ts'
import type { Bus } from './connect.ts'
import { retrying } from './retry.ts'

const DEADLINE_MS = 30_000
/** GitHub itself may take its time, and a list has several pages. */
const ANSWER_WITHIN_MS = 20_000
const QUEUE = 'github'

/** Nobody was there to hear the question, so it may be asked again whatever it is. */
const isUnheard = (error: unknown): boolean =>
  error instanceof errors.NoRespondersError ||
  (error instanceof errors.RequestError && error.isNoResponders())

const isSilence = (error: unknown): boolean =>
  error instanceof errors.TimeoutError ||
  error instanceof errors.RequestError ||
  error instanceof errors.ConnectionError

/**
 * Asks, again while nobody answers; but what spends something (`sign_in`) only until it was heard.
 * @throws the code that was answered, or GITHUB_UNAVAILABLE at the deadline
 */
export const askGithub = async <T extends GithubQuestionType>(
  bus: Bus,
  asked: GithubQuestionOf<T>,
  options: { readonly deadlineMs?: number } = {},
): Promise<GithubAnswerOf<T>> => {
  const body = JSON.stringify(asked)
  const retryable = asked.type === 'sign_in' ? isUnheard : isSilence
  const reply = await retrying(
    async remainingMs => {
      const timeout = Math.min(ANSWER_WITHIN_MS, Math.ceil(remainingMs))
      return readAnswer(await bus.nc.request(GITHUB_ASK, body, { timeout }))
    },
    { deadlineMs: options.deadlineMs ?? DEADLINE_MS, retryable, mostMs: 250 },
  ).catch((error: unknown) => {
    throw codeOf(error) ? error : fail('GITHUB_UNAVAILABLE', { question: asked.type, error })
  })
  const parsed = githubAnswers[asked.type].safeParse(reply)
  if (parsed.success) return parsed.data as GithubAnswerOf<T>
  throw fail('INTERNAL', { question: asked.type, error: parsed.error })
}

/** Answers questions, shared with every other github process. */
export const answerGithub = (
  bus: Bus,
  answer: (asked: GithubQuestion) => Promise<unknown>,
  onError: (error: unknown, asked: GithubQuestion | undefined) => void,
): { close(): void } =>
  answerQuestions(
    bus,
    { subject: GITHUB_ASK, schema: githubQuestion, queue: QUEUE },
    answer,
    onError,
  )
