/** `GET /sessions` (spec 3.4), answered from this process's own index. */
import { z } from 'zod'
import { SESSION_STATUSES, type SessionSummary } from '../../subjects/records.ts'
import { one, pageLimit, several, texts } from './query.ts'
import type { Resource } from './room.ts'

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

const item = (summary: SessionSummary) => {
  const { createdAtMs, updatedAtMs, login, ...rest } = summary
  return { ...rest, scmLogin: login, createdAt: createdAtMs, updatedAt: updatedAtMs }
}

export const listSessions: Resource = (app, { index }) => {
  app.get(
    '/sessions',
    { schema: { summary: 'Sessions, newest change first', querystring: filters } },
    async request => {
      const { createdBy, repoOwner, repoName, ...query } = request.query
      const { caller } = request
      const me = caller.kind === 'person' ? caller.who.userId : 'me'
      const page = await index.list({
        ...query,
        repoOwner: repoOwner?.toLowerCase(),
        repoName: repoName?.toLowerCase(),
        createdBy: createdBy?.map(userId => (userId === 'me' ? me : userId)),
      })
      return { sessions: page.sessions.map(item), cursor: page.cursor, hasMore: page.hasMore }
    },
  )
}
