/** Has the sandbox push what is committed, and a pull request opened in one's own name. */
import { useRef, useState } from 'preact/hooks'
import { statusOf } from '../client/rest.ts'
import { rest } from './rest.ts'
import { textOf, toast, toastError } from './toasts.tsx'

export const PullRequestButton = ({ sid, title }: { sid: string; title: string | null }) => {
  const dialog = useRef<HTMLDialogElement>(null)
  /** Asked again with the same words, it is the same request: an answer may have been lost. */
  const key = useRef('')
  const [name, setName] = useState('')
  const [body, setBody] = useState('')
  const [draft, setDraft] = useState(false)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')

  const open = () => {
    if (!busy) {
      key.current = crypto.randomUUID()
      setName(title ?? '')
      setBody('')
      setDraft(false)
      setProblem('')
    }
    dialog.current?.showModal()
  }
  const create = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    setProblem('')
    try {
      const made = await rest.openPullRequest(sid, {
        title: name.trim(),
        body: body.trim() || name.trim(),
        draft,
        idempotencyKey: key.current,
      })
      dialog.current?.close()
      const said =
        'prNumber' in made
          ? `Pull request #${made.prNumber} ${made.updated ? 'is up to date' : 'is open'}`
          : `${made.headBranch} is pushed: open the pull request by its link above`
      toast('note', String(said))
    } catch (error) {
      // What failed is over, and the next attempt is another request; without an answer it is not.
      if (statusOf(error) !== undefined) key.current = crypto.randomUUID()
      // Behind a dialog nobody reads a toast.
      if (dialog.current?.open) setProblem(textOf(error))
      else toastError(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <button type="button" onClick={open}>
        {busy ? 'Creating …' : 'Create pull request'}
      </button>
      <dialog ref={dialog} class="pull-request-form" aria-labelledby="pull-request-title">
        <h2 id="pull-request-title">Create a pull request</h2>
        <p class="dim">The commits of the session are pushed to its branch first.</p>
        <form onSubmit={create}>
          <input
            required
            maxLength={256}
            value={name}
            placeholder="Title"
            aria-label="Title of the pull request"
            onInput={event => setName(event.currentTarget.value)}
          />
          <textarea
            rows={5}
            maxLength={65_536}
            value={body}
            placeholder="What it does, and why"
            aria-label="Description"
            onInput={event => setBody(event.currentTarget.value)}
          />
          <label>
            <input
              type="checkbox"
              checked={draft}
              onChange={event => setDraft(event.currentTarget.checked)}
            />{' '}
            As a draft
          </label>
          {problem && <p role="alert">{problem}</p>}
          <div class="row">
            <button type="submit" class="primary" disabled={busy}>
              {busy ? 'Creating …' : 'Create'}
            </button>
            <button
              type="button"
              class="quiet"
              onClick={() => {
                if (busy) rest.cancelPullRequest(sid).catch(toastError)
                dialog.current?.close()
              }}
            >
              Cancel
            </button>
          </div>
        </form>
      </dialog>
    </>
  )
}
