/** How GitHub is called, and what its refusals mean. */
import { request } from '@octokit/request'
import { fail } from '../../subjects/errors.ts'
import { busFailure } from '../bus/failure.ts'

/** Octokit's request with our headers. */
export type GithubRequest = typeof request

const WITHIN_MS = 60_000

/** @param apiUrl such as `https://api.github.com`, or Enterprise's `…/api/v3` */
export const openRequest = (apiUrl: string, withinMs: number = WITHIN_MS): GithubRequest =>
  request.defaults({
    baseUrl: apiUrl,
    headers: {
      'user-agent': 'agent-control-plane',
      'x-github-api-version': '2022-11-28',
    },
    request: {
      fetch: (url: string, init: RequestInit) =>
        fetch(url, { ...init, signal: AbortSignal.timeout(withinMs) }),
    },
  })

export const withToken = (asked: GithubRequest, token: string): GithubRequest =>
  asked.defaults({ headers: { authorization: `token ${token}` } })

type Answered = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number | undefined>>
  readonly data: unknown
}

/** What GitHub answered when it refused; undefined when it did not answer at all. */
const answerOf = (error: unknown): Answered | undefined => {
  const { response } = (error ?? {}) as { response?: Answered }
  return typeof response?.status === 'number' ? response : undefined
}

/** The status of GitHub's answer; undefined when there was none. */
export const statusOf = (error: unknown): number | undefined => answerOf(error)?.status

/** What is read as 403 or 429, but only means "later". */
const isRateLimit = ({ status, headers, data }: Answered): boolean => {
  if (status === 429) return true
  if (status !== 403) return false
  const { message } = (data ?? {}) as { message?: unknown }
  return (
    headers['retry-after'] !== undefined ||
    String(headers['x-ratelimit-remaining']) === '0' ||
    (typeof message === 'string' && /rate limit/i.test(message))
  )
}

/** Whether the same call may well work later: GitHub was not there, ailing, or had enough of us. */
export const isPassing = (error: unknown): boolean => {
  const answer = answerOf(error)
  return answer === undefined ? isCallError(error) : answer.status >= 500 || isRateLimit(answer)
}

/** Made by a call to GitHub, rather than by a mistake of ours. */
const isCallError = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'HttpError' || error.name === 'AbortError')

/** Whether GitHub says that this caller may not, or may not even know. */
export const isRefusal = (error: unknown): boolean => {
  const status = statusOf(error)
  return !isPassing(error) && (status === 401 || status === 403 || status === 404)
}

/** Whether the call cannot have reached GitHub. */
export const isUnsent = (error: unknown): boolean => {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown }
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') return true
  }
  return false
}

/** GitHub's own words for a refused call, with the details of a 422. */
export const wordsOf = (error: unknown): string => {
  const data = answerOf(error)?.data as { message?: unknown; errors?: unknown } | undefined
  if (typeof data?.message !== 'string') {
    return error instanceof Error ? error.message : String(error)
  }
  const details = (Array.isArray(data.errors) ? data.errors : []).map(detailOf)
  return [data.message, ...details.filter(text => text !== '')].join(': ').slice(0, 2_000)
}

const detailOf = (detail: unknown): string => {
  if (typeof detail === 'string') return detail
  const { message, field, code } = (detail ?? {}) as Record<string, unknown>
  if (typeof message === 'string') return message
  return typeof field === 'string' ? `${field} is ${code}` : ''
}

/** The error of ours for a failed call. What GitHub has no part in is the bus's, and may pass. */
export const githubFailure = (error: unknown): Error => {
  if (!isCallError(error)) return busFailure(error)
  return isPassing(error)
    ? fail('GITHUB_UNAVAILABLE', { error })
    : fail('GITHUB_REFUSED', { message: `GitHub refused: ${wordsOf(error)}`, error })
}
