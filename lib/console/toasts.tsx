/** Short messages that nobody has to answer: what went wrong, and what is worth knowing. */
import { useEffect, useState } from 'preact/hooks'

type Toast = { readonly id: number; readonly kind: 'error' | 'note'; readonly text: string }

const SHOWN_MS = 8_000
const MOST = 4

let toasts: readonly Toast[] = []
let lastId = 0
const watchers = new Set<() => void>()

const set = (next: readonly Toast[]) => {
  toasts = next
  for (const tell of watchers) tell()
}
const dismiss = (id: number) => set(toasts.filter(toast => toast.id !== id))

/** Shows a message; one that is on show already is not repeated. */
export const toast = (kind: Toast['kind'], text: string): void => {
  if (toasts.some(one => one.text === text)) return
  set([...toasts, { id: ++lastId, kind, text }].slice(-MOST))
}

/** What to tell of something that was thrown. */
export const textOf = (error: unknown): string => {
  // All that `fetch` says without an answer is "Failed to fetch", or the like.
  if (error instanceof TypeError) return 'The server does not answer: try again'
  return error instanceof Error ? error.message : String(error)
}
export const toastError = (error: unknown): void => toast('error', textOf(error))

/** As {@link toastError}, for a change of something that others change too. */
export const toastChange = (error: unknown): void => {
  const { code } = ((error as Error).cause ?? {}) as { code?: string }
  if (code === 'QUEUE_VERSION_CONFLICT') {
    toast('note', 'Somebody else was faster: the queue has changed. Look at it and try again.')
  } else {
    toastError(error)
  }
}

const One = ({ id, kind, text }: Toast) => {
  const [held, setHeld] = useState(false)
  useEffect(() => {
    if (held) return
    const timer = setTimeout(() => dismiss(id), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [id, held])
  return (
    <li
      class={`toast ${kind}`}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
    >
      <span>{text}</span>
      <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
        ×
      </button>
    </li>
  )
}

export const Toasts = () => {
  const [, redraw] = useState(0)
  useEffect(() => {
    const tell = () => redraw(n => n + 1)
    watchers.add(tell)
    return () => void watchers.delete(tell)
  }, [])
  return (
    <div class="toasts" role="alert">
      <ul>
        {toasts.map(one => (
          <One key={one.id} {...one} />
        ))}
      </ul>
    </div>
  )
}
