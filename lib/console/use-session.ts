/** One open session, drawn again at most once a frame however fast things happen. */
import { useEffect, useState } from 'preact/hooks'
import { openSession, type Session } from '../client/session.ts'
import { rest } from './rest.ts'
import { toast } from './toasts.tsx'

/** Hidden pages get no animation frames, but their title should still tell what happens. */
const HIDDEN_MS = 300

/** Calls `draw` once for any number of calls within a frame. */
const paced = (draw: () => void): (() => void) => {
  let waiting = false
  const now = () => {
    waiting = false
    draw()
  }
  return () => {
    if (waiting) return
    waiting = true
    if (document.hidden) setTimeout(now, HIDDEN_MS)
    else requestAnimationFrame(now)
  }
}

const outboxKey = (sid: string) => `outbox:${sid}`

/** Keeps a prompt for a session that is not open yet: it is sent as soon as it is. */
export const leavePrompt = (sid: string, content: string): void => {
  const prompt = { clientRequestId: crypto.randomUUID(), content, refusal: null }
  sessionStorage.setItem(outboxKey(sid), JSON.stringify([prompt]))
}

export const useSession = (sid: string): Session | null => {
  const [session, setSession] = useState<Session | null>(null)
  const [, redraw] = useState(0)
  useEffect(() => {
    const opened = openSession({
      url: location.origin,
      sid,
      getToken: () => rest.wsToken(sid),
      onChange: paced(() => redraw(n => n + 1)),
      onError: ({ message }) => toast('error', message),
      storage: {
        get: () => sessionStorage.getItem(outboxKey(sid)),
        set: text => sessionStorage.setItem(outboxKey(sid), text),
      },
    })
    setSession(opened)
    const onWake = () => {
      opened.presence(document.hidden ? 'idle' : 'active')
      if (!document.hidden) opened.nudge()
    }
    const onNetwork = () => opened.nudge()
    onWake()
    document.addEventListener('visibilitychange', onWake)
    addEventListener('online', onNetwork)
    addEventListener('offline', onNetwork)
    return () => {
      document.removeEventListener('visibilitychange', onWake)
      removeEventListener('online', onNetwork)
      removeEventListener('offline', onNetwork)
      opened.close()
      setSession(null)
    }
  }, [sid])
  return session
}
