/** `GET /sessions` (spec 3.4), answered from this process's own index. */
import { z } from 'zod'
import { SESSION_STATUSES, type SessionSummary, sessionSummary } from '../../../subjects/records.ts'
import { one, pageLimit, several, texts } from '../query.ts'
import type { Resource } from '../room.ts'

const filters = z.object({
  limit: pageLimit(50, 100),
  offset: z
    .string()
    .regex(/^[0-9]{1,9}$/, { error: 'Invalid offset' })
    .transform(Number)
    .optional(),
  cursor: one('cursor'),
  status: several('status', SESSION_STATUSES),
  excludeStatus: several('excludeStatus', SESSION_STATUSES),
  repoOwner: one('repoOwner'),
  repoName: one('repoName'),
  createdBy: texts('createdBy'),
  search: one('search'),
})

const listed = sessionSummary
  .omit({ createdAtMs: true, updatedAtMs: true, finishedAtMs: true, login: true })
  .extend({
    scmLogin: z.string().nullable(),
    createdAt: z.int(),
    updatedAt: z.int(),
    /** When the last prompt that ran ended, or null. */
    finishedAt: z.int().nullable(),
    /** For a person: it holds an end of work that they have not seen. */
    unread: z.boolean().optional(),
  })

const page = z.object({
  sessions: z.array(listed),
  cursor: z.string().nullish(),
  hasMore: z.boolean(),
})

const item = (summary: SessionSummary, unread: ReadonlySet<string> | undefined) => {
  const { createdAtMs, updatedAtMs, finishedAtMs = null, login, ...rest } = summary
  return {
    ...rest,
    scmLogin: login,
    createdAt: createdAtMs,
    updatedAt: updatedAtMs,
    finishedAt: finishedAtMs,
    ...(unread && { unread: unread.has(summary.id) }),
  }
}

export const listSessions: Resource = (app, { index, reads }) => {
  const schema = {
    summary: 'Sessions, newest change first',
    querystring: filters,
    response: { 200: page },
    refusals: ['INVALID_CURSOR', 'BUS_UNAVAILABLE'] as const,
  }
  app.get('/sessions', { schema }, async request => {
    const { createdBy, repoOwner, repoName, ...query } = request.query
    const { caller } = request
    const me = caller.kind === 'person' ? caller.who.userId : 'me'
    const found = await index.list({
      ...query,
      repoOwner: repoOwner?.toLowerCase(),
      repoName: repoName?.toLowerCase(),
      createdBy: createdBy?.map(userId => (userId === 'me' ? me : userId)),
    })
    const { sessions, cursor, hasMore } = found
    const unread =
      caller.kind === 'person' ? await reads.unread(caller.who.userId, sessions) : undefined
    return { sessions: sessions.map(one => item(one, unread)), cursor, hasMore }
  })
}
