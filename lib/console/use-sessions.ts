/** The list of sessions, newest change first, asked for again every few seconds while somebody may be looking. */
import { useEffect, useState } from 'preact/hooks'
import { type ListedSession, statusOf } from '../client/rest.ts'
import { rest } from './rest.ts'
import { toSignIn } from './route.ts'

/** Said on the window when something that the list shows has just changed. */
export const SESSIONS_CHANGED = 'sessions-changed'
/** The index follows the truth by some milliseconds. */
const INDEXED_MS = 150
const AGAIN_MS = 4_000
const PAGE = 50

export type Wanted = {
  /** How many pages, from the newest on. */
  readonly pages: number
  /** Part of a title. */
  readonly search: string
  /** Those that were put away too. */
  readonly archived: boolean
}
type Found = { readonly sessions: readonly ListedSession[]; readonly hasMore: boolean }

const find = async ({ pages, search, archived }: Wanted): Promise<Found> => {
  /** By id: one that changes between two pages is on both. */
  const found = new Map<string, ListedSession>()
  let cursor: string | null = null
  let hasMore = true
  for (let n = 0; n < pages && hasMore; n++) {
    const page = await rest.sessions({
      limit: PAGE,
      cursor,
      ...(search ? { search } : {}),
      ...(archived ? {} : { excludeStatus: 'archived' }),
    })
    for (const one of page.sessions) if (!found.has(one.id)) found.set(one.id, one)
    cursor = page.cursor ?? null
    hasMore = page.hasMore
  }
  return { sessions: [...found.values()], hasMore }
}

/** `found` is null until the first answer; `failed` says that the newest question had none. */
export const useSessions = ({ pages, search, archived }: Wanted) => {
  const [found, setFound] = useState<Found | null>(null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    let over = false
    let timer: number | undefined
    const load = async () => {
      clearTimeout(timer)
      try {
        const answer = await find({ pages, search, archived })
        if (over) return
        setFound(answer)
        setFailed(false)
      } catch (error) {
        if (over) return
        // Signed out, perhaps in another window.
        if (statusOf(error) === 401) return toSignIn()
        setFailed(true)
      }
      if (!over && !document.hidden) timer = setTimeout(load, AGAIN_MS) as unknown as number
    }
    const onShow = () => {
      if (!document.hidden) void load()
    }
    const onChange = () => {
      clearTimeout(timer)
      timer = setTimeout(load, INDEXED_MS) as unknown as number
    }
    void load()
    addEventListener(SESSIONS_CHANGED, onChange)
    document.addEventListener('visibilitychange', onShow)
    addEventListener('popstate', onShow)
    return () => {
      over = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', onShow)
      removeEventListener('popstate', onShow)
      removeEventListener(SESSIONS_CHANGED, onChange)
    }
  }, [pages, search, archived])
  return { found, failed }
}
