/** All sessions, newest change first, kept up to date while the page is in view. */
import { useEffect, useState } from 'preact/hooks'
import type { ListedSession } from '../client/rest.ts'
import { rest } from './rest.ts'
import { onLink, pathOf } from './route.ts'
import { sessionText } from './status.tsx'
import { ago } from './when.ts'

/** Said on the window when something that the list shows has just changed. */
export const SESSIONS_CHANGED = 'sessions-changed'
/** The index follows the truth by some milliseconds. */
const INDEXED_MS = 150
const AGAIN_MS = 4_000
const PAGE = 50

/** The list, asked for again every few seconds while somebody may be looking. */
const useSessions = (limit: number) => {
  const [page, setPage] = useState<{ sessions: ListedSession[]; hasMore: boolean } | null>(null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    let over = false
    let timer: number | undefined
    const load = async () => {
      clearTimeout(timer)
      try {
        const answer = await rest.sessions({ limit })
        if (over) return
        setPage(answer)
        setFailed(false)
      } catch {
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
  }, [limit])
  return { page, failed }
}

export const SessionList = ({ current }: { current: string | null }) => {
  const [limit, setLimit] = useState(PAGE)
  const { page, failed } = useSessions(limit)
  const nowMs = Date.now()
  return (
    <nav class="sessions" aria-label="Sessions">
      {page?.sessions.length === 0 && <p class="dim">No sessions yet.</p>}
      {failed && <p class="dim">The list cannot be read just now.</p>}
      <ul>
        {page?.sessions.map(one => (
          <li key={one.id}>
            <a
              href={pathOf(one.id)}
              onClick={onLink(one.id)}
              class={one.unread && one.id !== current ? 'unread' : undefined}
              aria-current={one.id === current ? 'page' : undefined}
            >
              <span
                class={`dot ${one.status}`}
                role="img"
                aria-label={sessionText(one.status)}
                title={sessionText(one.status)}
              />
              <span class="title">{one.title || 'Untitled'}</span>
              {one.unread && one.id !== current && <span class="unseen">unread</span>}
              <span class="dim when">{ago(one.updatedAt, nowMs)}</span>
              <span class="dim repo">
                {one.repoOwner}/{one.repoName}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {page?.hasMore && limit < 100 && (
        <button type="button" class="quiet" onClick={() => setLimit(100)}>
          Show more
        </button>
      )}
    </nav>
  )
}
