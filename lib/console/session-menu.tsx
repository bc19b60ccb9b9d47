/** What is done rarely: putting a session away, bringing it back, and deleting it. Each is confirmed. */
import { useRef, useState } from 'preact/hooks'
import { rest } from './rest.ts'
import { go } from './route.ts'
import { toastError } from './toasts.tsx'
import { SESSIONS_CHANGED } from './use-sessions.ts'

type Asked = 'archive' | 'delete'

const QUESTIONS: Readonly<Record<Asked, readonly [title: string, text: string, action: string]>> = {
  archive: [
    'Archive this session?',
    'Its sandbox is stopped and it takes no prompts until somebody brings it back. Nothing is lost.',
    'Archive',
  ],
  delete: [
    'Delete this session?',
    'Its history, its queue and its sandbox are gone for everybody. This cannot be undone.',
    'Delete for good',
  ],
}

/** Brings an archived session back. */
export const unarchive = (sid: string): Promise<unknown> => rest.unarchive(sid).catch(toastError)

type MenuProps = {
  readonly sid: string
  readonly status: string
  /** Whether this person may archive and delete it. */
  readonly mayEnd: boolean
}

export const SessionMenu = ({ sid, status, mayEnd }: MenuProps) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const menu = useRef<HTMLDetailsElement>(null)
  const [asked, setAsked] = useState<Asked>('archive')
  const [busy, setBusy] = useState(false)
  const shut = () => {
    if (menu.current) menu.current.open = false
  }
  const ask = (what: Asked) => {
    shut()
    // The dialog gives the focus back to where it was, and what was pressed is no longer there.
    menu.current?.querySelector('summary')?.focus()
    setAsked(what)
    dialog.current?.showModal()
  }
  const act = async () => {
    setBusy(true)
    try {
      await (asked === 'archive' ? rest.archive(sid) : rest.deleteSession(sid))
      dialog.current?.close()
      dispatchEvent(new Event(SESSIONS_CHANGED))
      if (asked === 'delete') go(null)
    } catch (error) {
      dialog.current?.close()
      toastError(error)
    }
    setBusy(false)
  }
  const [title, text, action] = QUESTIONS[asked]
  if (!mayEnd && status !== 'archived') return null
  return (
    <>
      <details
        class="more"
        ref={menu}
        onKeyDown={event => {
          if (event.key === 'Escape') shut()
        }}
        onFocusOut={event => {
          if (!event.currentTarget.contains(event.relatedTarget as Node | null)) shut()
        }}
      >
        <summary aria-label="More" title="More">
          ⋯
        </summary>
        <div>
          {status === 'archived' ? (
            <button
              type="button"
              class="quiet"
              onClick={() => {
                shut()
                void unarchive(sid)
              }}
            >
              Bring back
            </button>
          ) : (
            <button type="button" class="quiet" onClick={() => ask('archive')}>
              Archive …
            </button>
          )}
          {mayEnd && (
            <button type="button" class="quiet bad" onClick={() => ask('delete')}>
              Delete …
            </button>
          )}
        </div>
      </details>
      <dialog ref={dialog} aria-labelledby="confirm-title">
        <h2 id="confirm-title">{title}</h2>
        <p>{text}</p>
        <div class="row end">
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="button"
            class={asked === 'delete' ? 'danger' : 'primary'}
            disabled={busy}
            onClick={() => void act()}
          >
            {action}
          </button>
        </div>
      </dialog>
    </>
  )
}
