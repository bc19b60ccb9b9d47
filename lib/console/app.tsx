/** The frame around everything: who is signed in, the list of sessions, and what is on show. */
import { useEffect, useState } from 'preact/hooks'
import type { Person } from '../client/rest.ts'
import { statusOf } from '../client/rest.ts'
import { NewSession } from './new-session.tsx'
import { rest } from './rest.ts'
import { onLink, toSignIn, useRoute } from './route.ts'
import { SessionList } from './session-list.tsx'
import { SessionPage } from './session-page.tsx'
import { Toasts } from './toasts.tsx'

const AGAIN_MS = 2_000

/** Who is signed in; `null` for nobody, `undefined` while that is not known. */
const useMe = (): Person | null | undefined => {
  const [me, setMe] = useState<Person | null | undefined>(undefined)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const find = () =>
      rest.me().then(setMe, (error: unknown) => {
        if (statusOf(error) === 401) setMe(null)
        else timer = setTimeout(find, AGAIN_MS)
      })
    void find()
    return () => clearTimeout(timer)
  }, [])
  return me
}

export const App = () => {
  const me = useMe()
  const sid = useRoute()
  const [listShown, setListShown] = useState(false)
  useEffect(() => setListShown(false), [sid])
  useEffect(() => {
    if (!listShown) return
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && setListShown(false)
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [listShown])
  if (me === null) toSignIn()
  if (!me) return null
  return (
    <div class={`frame ${listShown ? 'list-shown' : ''}`}>
      <aside>
        <div class="brand">
          <a href="/" onClick={onLink(null)} class="new">
            <span aria-hidden="true">+</span> New session
          </a>
        </div>
        <SessionList current={sid} />
        <form class="me" method="post" action="/logout">
          <span title={me.login ? `${me.name} (${me.login})` : me.name}>{me.name}</span>
          <button type="submit" class="quiet">
            Sign out
          </button>
        </form>
      </aside>
      <main>
        <button
          type="button"
          class="menu quiet"
          aria-expanded={listShown}
          onClick={() => setListShown(!listShown)}
        >
          ☰ <span class="unseen">Sessions</span>
        </button>
        {/* Narrow screens: what lies beside the list puts it away. Its own button does so by keyboard. */}
        <div class="veil" aria-hidden="true" onClick={() => setListShown(false)} />
        {sid ? (
          <SessionPage key={sid} sid={sid} me={me} />
        ) : (
          <NewSession gitHost={me.gitHost !== false} />
        )}
      </main>
      <Toasts />
    </div>
  )
}
