/** The session's name, and, once it is clicked, a field to change it. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { rest } from './rest.ts'
import { toastError } from './toasts.tsx'

export const SessionTitle = ({ sid, title }: { sid: string; title: string | null }) => {
  const [text, setText] = useState<string | null>(null)
  const field = useRef<HTMLInputElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  /** The field also loses the focus when it goes away, and then there is nothing left to save. */
  const over = useRef(true)
  const isOpen = text !== null
  useEffect(() => {
    if (isOpen) field.current?.select()
  }, [isOpen])

  const close = () => {
    over.current = true
    setText(null)
    requestAnimationFrame(() => button.current?.focus())
  }
  const save = async () => {
    if (over.current) return
    over.current = true
    const wanted = text?.trim() ?? ''
    if (wanted === '' || wanted === title) return close()
    try {
      await rest.rename(sid, wanted)
      close()
    } catch (error) {
      over.current = false
      toastError(error)
    }
  }
  if (text === null) {
    return (
      <h1>
        <button
          ref={button}
          type="button"
          class="rename"
          title="Rename"
          onClick={() => {
            over.current = false
            setText(title ?? '')
          }}
        >
          {title || 'Untitled'}
        </button>
      </h1>
    )
  }
  return (
    <form
      class="rename"
      onSubmit={event => {
        event.preventDefault()
        void save()
      }}
    >
      <input
        ref={field}
        value={text}
        maxLength={200}
        aria-label="Title of the session"
        onInput={event => setText(event.currentTarget.value)}
        onKeyDown={event => event.key === 'Escape' && close()}
        onBlur={() => void save()}
      />
    </form>
  )
}
