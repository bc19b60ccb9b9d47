/** The REST side of the SDK: a thin, typed `fetch`. In a browser the sign-in cookie says who asks. */
import * as z from 'zod'

const listed = z.looseObject({
  id: z.string(),
  title: z.string().nullable(),
  repoOwner: z.string(),
  repoName: z.string(),
  status: z.string(),
  userId: z.string(),
  messageCount: z.number(),
  createdAt: z.number(),
  updatedAt: z.number(),
  /** For a person: work has ended that they have not seen. */
  unread: z.boolean().optional(),
})
export type ListedSession = z.infer<typeof listed>

const sessionList = z.looseObject({
  sessions: z.array(listed),
  cursor: z.string().nullish(),
  hasMore: z.boolean(),
})
const eventPage = z.looseObject({
  events: z.array(z.looseObject({ id: z.string(), data: z.looseObject({ type: z.string() }) })),
  cursor: z.string().nullish(),
  hasMore: z.boolean(),
})
export type EventPage = z.infer<typeof eventPage>
const person = z.looseObject({
  userId: z.string(),
  name: z.string(),
  role: z.enum(['developer', 'guest']),
  /** Of those who signed in with GitHub. */
  login: z.string().optional(),
  /** Whether pull requests can be opened at all. */
  gitHost: z.boolean().optional(),
})
export type Person = z.infer<typeof person>
const repositories = z.looseObject({ repos: z.array(z.looseObject({ fullName: z.string() })) })
const invited = z.looseObject({ path: z.string(), expiresAt: z.number() })
const done = z.looseObject({ status: z.string() })
/** Open, or brought up to date; or pushed, for a person to open at `createPrUrl`. */
const pullRequest = z.union([
  z.looseObject({
    prNumber: z.int(),
    prUrl: z.string(),
    state: z.enum(['open', 'draft', 'closed', 'merged']),
    headBranch: z.string(),
    baseBranch: z.string(),
    updated: z.boolean(),
  }),
  z.looseObject({
    status: z.literal('manual'),
    createPrUrl: z.string(),
    headBranch: z.string(),
    baseBranch: z.string(),
  }),
])
export type PullRequest = z.infer<typeof pullRequest>
const refusal = z.looseObject({ error: z.string(), code: z.string().optional() })

export type RestOptions = {
  /** The origin, e.g. `http://127.0.0.1:8787`; in a browser the page's own. */
  readonly url: string
  /** Headers of every request, for instance a service's `authorization`. */
  readonly headers?: () => Record<string, string>
}

export type NewPullRequest = {
  readonly title: string
  readonly body: string
  readonly baseBranch?: string
  readonly headBranch?: string
  readonly draft?: boolean
  /** Needed by services only. */
  readonly userId?: string
  /** Makes a repetition safe, and gives it the same outcome. */
  readonly idempotencyKey?: string
}

export type NewSession = {
  readonly repoOwner: string
  readonly repoName: string
  readonly title?: string
  /** Makes a repetition safe. */
  readonly idempotencyKey?: string
}

/** The status of the HTTP answer that made `error`; undefined when there was no answer at all. */
export const statusOf = (error: unknown): number | undefined => {
  const cause =
    error instanceof Error ? (error.cause as { status?: unknown } | undefined) : undefined
  return typeof cause?.status === 'number' ? cause.status : undefined
}

/**
 * Every method throws an `Error` whose message is the server's sentence and whose `cause` holds
 * `status` and `code`; without an answer, whatever `fetch` threw.
 */
export const openRest = ({ url, headers = () => ({}) }: RestOptions) => {
  const call = async <T>(
    schema: z.ZodType<T>,
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    options: { body?: object; headers?: Record<string, string> } = {},
  ): Promise<T> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...headers(),
        ...options.headers,
        ...(options.body ? { 'content-type': 'application/json' } : {}),
      },
      ...(options.body ? { body: JSON.stringify(options.body) } : {}),
    })
    const body: unknown = await answer.json().catch(() => undefined)
    if (answer.ok) return schema.parse(body)
    const { success, data } = refusal.safeParse(body)
    throw new Error(success ? data.error : `The server answered ${answer.status}`, {
      cause: { status: answer.status, code: success ? data.code : undefined },
    })
  }
  const query = (values: Record<string, string | number | undefined | null>) => {
    const given = Object.entries(values).filter(([, value]) => value != null)
    return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  }
  const session = (sid: string) => `/sessions/${encodeURIComponent(sid)}`

  return {
    me: () => call(person, 'GET', '/me'),
    sessions: (
      options: {
        limit?: number
        cursor?: string | null
        /** Part of a title. */
        search?: string
        /** A status that is left out. */
        excludeStatus?: string
      } = {},
    ) => call(sessionList, 'GET', `/sessions?${query(options)}`),
    /** Names of the repositories that a session may be opened on, where there is a git host. */
    repositories: async (): Promise<string[]> => {
      const { repos } = await call(repositories, 'GET', '/repos')
      return repos.map(({ fullName }) => fullName)
    },
    createSession: ({ idempotencyKey, ...body }: NewSession) =>
      call(z.looseObject({ sessionId: z.string() }), 'POST', '/sessions', {
        body,
        ...(idempotencyKey ? { headers: { 'idempotency-key': idempotencyKey } } : {}),
      }),
    /** A token for the session's socket. `userId` is needed by services only. */
    wsToken: async (sid: string, userId?: string): Promise<string> => {
      const path = `${session(sid)}/ws-token`
      const schema = z.looseObject({ token: z.string() })
      return (await call(schema, 'POST', path, { body: userId ? { userId } : {} })).token
    },
    rename: (sid: string, title: string) =>
      call(done, 'PATCH', `${session(sid)}/title`, { body: { title } }),
    /** The person who is signed in has looked at it. */
    markRead: (sid: string) => call(z.looseObject({}), 'PATCH', `${session(sid)}/read-state`),
    archive: (sid: string) => call(done, 'POST', `${session(sid)}/archive`),
    unarchive: (sid: string) => call(done, 'POST', `${session(sid)}/unarchive`),
    /** Pushes what the sandbox has and opens a pull request; resolves when that is done. */
    openPullRequest: (sid: string, { idempotencyKey, ...body }: NewPullRequest) =>
      call(pullRequest, 'POST', `${session(sid)}/pr`, {
        body,
        ...(idempotencyKey ? { headers: { 'idempotency-key': idempotencyKey } } : {}),
      }),
    /** Gives up the one whose branch is being pushed. */
    cancelPullRequest: (sid: string) => call(done, 'DELETE', `${session(sid)}/pr`),
    /** For good. */
    deleteSession: (sid: string) => call(done, 'DELETE', session(sid)),
    /** Stored lines, newest first, from a cursor on. */
    events: (sid: string, options: { limit?: number; cursor?: string | null }) =>
      call(eventPage, 'GET', `${session(sid)}/events?${query(options)}`),
    invite: (name: string, sessionId?: string) =>
      call(invited, 'POST', '/invites', { body: { name, ...(sessionId ? { sessionId } : {}) } }),
  }
}
export type Rest = ReturnType<typeof openRest>
