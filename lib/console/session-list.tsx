/** The sessions that are not put away, newest change first; a field finds any of them by its title. */
import { useState } from 'preact/hooks'
import { onLink, pathOf } from './route.ts'
import { sessionText } from './status.tsx'
import { useSessions } from './use-sessions.ts'
import { ago } from './when.ts'

export const SessionList = ({ current }: { current: string | null }) => {
  const [pages, setPages] = useState(1)
  const [search, setSearch] = useState('')
  const [archived, setArchived] = useState(false)
  const { found, failed } = useSessions({ pages, search: search.trim(), archived })
  const nowMs = Date.now()
  return (
    <nav class="sessions" aria-label="Sessions">
      <input
        type="search"
        value={search}
        placeholder="Search"
        aria-label="Search sessions by title"
        onInput={event => {
          setSearch(event.currentTarget.value)
          setPages(1)
        }}
      />
      <div class="found">
        {found?.sessions.length === 0 && (
          <p class="dim">{search ? 'No session is called so.' : 'No sessions yet.'}</p>
        )}
        {failed && <p class="dim">The list cannot be read just now.</p>}
        <ul>
          {found?.sessions.map(one => (
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
        {found?.hasMore && (
          <button type="button" class="quiet" onClick={() => setPages(pages + 1)}>
            Show more
          </button>
        )}
        {found && (
          <button
            type="button"
            class="quiet"
            aria-pressed={archived}
            onClick={() => setArchived(!archived)}
          >
            {archived ? 'Hide archived' : 'Show archived'}
          </button>
        )}
      </div>
    </nav>
  )
}
