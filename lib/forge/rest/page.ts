/** Pages of lists, with the `Link` header that leads from one to the next. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Room } from '../room.ts'

const MOST = 100

export type Page = { readonly page: number; readonly limit: number; readonly offset: number }

const whole = (text: unknown, usual: number, most: number): number => {
  const number = Number(text)
  return Number.isInteger(number) && number >= 1 ? Math.min(number, most) : usual
}

/** `per_page` (30, at most 100) and `page` (from 1) of a request. */
export const pageOf = (request: FastifyRequest): Page => {
  const query = request.query as Record<string, unknown>
  const limit = whole(query.per_page, 30, MOST)
  const page = whole(query.page, 1, Number.MAX_SAFE_INTEGER)
  return { page, limit, offset: (page - 1) * limit }
}

/** The same address with other values in its query. */
export const addressWith = (
  room: Room,
  request: FastifyRequest,
  query: Readonly<Record<string, string>>,
): string => {
  const url = new URL(request.url, room.settings.origin)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url.href
}

type Links = Partial<Record<'prev' | 'next' | 'first' | 'last', string>>

export const sendLinks = (reply: FastifyReply, links: Links): void => {
  const parts = Object.entries(links).map(([rel, href]) => `<${href}>; rel="${rel}"`)
  if (parts.length > 0) reply.header('link', parts.join(', '))
}

/** Links for a list of which the whole length is known; gives the page. */
export const pageFrom = <T>(
  room: Room,
  request: FastifyRequest,
  reply: FastifyReply,
  all: readonly T[],
): readonly T[] => {
  const { page, limit, offset } = pageOf(request)
  const last = Math.max(1, Math.ceil(all.length / limit))
  const to = (number: number) => addressWith(room, request, { page: String(number) })
  sendLinks(reply, {
    ...(page > 1 ? { prev: to(page - 1), first: to(1) } : {}),
    ...(page < last ? { next: to(page + 1), last: to(last) } : {}),
  })
  return all.slice(offset, offset + limit)
}
