/** A link by which one other person joins this session: it works once, for ten minutes. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { rest } from './rest.ts'
import { textOf } from './toasts.tsx'

export const Invite = ({ sid }: { sid: string }) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const [name, setName] = useState('')
  const [link, setLink] = useState('')
  const [copied, setCopied] = useState(false)
  const [problem, setProblem] = useState('')
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (link) field.current?.select()
  }, [link])

  const make = async (event: SubmitEvent) => {
    event.preventDefault()
    try {
      const { path } = await rest.invite(name, sid)
      setLink(`${location.origin}${path}`)
      setProblem('')
    } catch (error) {
      setProblem(textOf(error))
    }
  }
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link)
      setCopied(true)
    } catch {
      field.current?.select()
    }
  }
  const open = () => {
    setName('')
    setProblem('')
    setCopied(false)
    setLink('')
    dialog.current?.showModal()
  }
  return (
    <>
      <button type="button" onClick={open}>
        Invite
      </button>
      <dialog ref={dialog} class="invite" aria-labelledby="invite-title">
        <h2 id="invite-title">Invite somebody</h2>
        {link ? (
          <>
            <p>
              Send this link to {name}. It works once, within ten minutes, in another browser or a
              private window.
            </p>
            <div class="row">
              <input ref={field} readOnly value={link} aria-label="Invitation link" />
              <button type="button" class="primary" onClick={copy}>
                {copied ? 'Copied' : 'Copy'}
              </button>
            </div>
          </>
        ) : (
          <form onSubmit={make} class="row">
            <input
              required
              maxLength={80}
              value={name}
              placeholder="Their name"
              aria-label="Their name"
              onInput={event => setName(event.currentTarget.value)}
            />
            <button type="submit" class="primary">
              Make a link
            </button>
          </form>
        )}
        {problem && <p role="alert">{problem}</p>}
        <form method="dialog">
          <button type="submit" class="quiet">
            Close
          </button>
        </form>
      </dialog>
    </>
  )
}
