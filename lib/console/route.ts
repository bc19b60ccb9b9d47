/** Which session the address names, and moving between them without loading the page again. */
import { useEffect, useState } from 'preact/hooks'

const sessionIn = (path: string): string | null => /^\/s\/([\w-]{1,64})$/.exec(path)?.[1] ?? null

export const pathOf = (sid: string | null): string => (sid ? `/s/${sid}` : '/')

export const go = (sid: string | null): void => {
  history.pushState(null, '', pathOf(sid))
  dispatchEvent(new PopStateEvent('popstate'))
}

/** To the sign-in, and back here afterwards. */
export const toSignIn = (): void =>
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`)

/** The session on show, or null for the start. */
export const useRoute = (): string | null => {
  const [sid, setSid] = useState(() => sessionIn(location.pathname))
  useEffect(() => {
    const onMove = () => setSid(sessionIn(location.pathname))
    addEventListener('popstate', onMove)
    return () => removeEventListener('popstate', onMove)
  }, [])
  return sid
}

/** A click that the page handles itself; anything else (new tab, …) is the browser's. */
export const onLink = (sid: string | null) => (event: MouseEvent) => {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  event.preventDefault()
  go(sid)
}
