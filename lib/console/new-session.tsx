/** The start: say what is to be done, and a session begins with it. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { PromptBox } from './prompt-box.tsx'
import { rest } from './rest.ts'
import { go } from './route.ts'
import { SUGGESTIONS } from './suggestions.ts'
import { toast, toastError } from './toasts.tsx'
import { leavePrompt } from './use-session.ts'

const DEMO = 'demo/hello'
const TITLE_CHARS = 80

const titleOf = (prompt: string): string => {
  const line = prompt.trim().split('\n')[0] ?? ''
  return line.length > TITLE_CHARS ? `${line.slice(0, TITLE_CHARS - 1)}…` : line
}

export const NewSession = () => {
  const [text, setText] = useState('')
  const [repository, setRepository] = useState(DEMO)
  const [busy, setBusy] = useState(false)
  /** One for each thing asked for: pressing again after a failure does not make a second session. */
  const key = useRef({ of: '', id: '' })
  useEffect(() => {
    document.title = 'Coding agents'
  }, [])

  const start = async (prompt: string) => {
    const [repoOwner, repoName, more] = repository.trim().split('/')
    if (!repoOwner || !repoName || more !== undefined) {
      return toast('error', 'A repository is an owner and a name, such as demo/hello')
    }
    const asked = JSON.stringify([repository, prompt])
    if (key.current.of !== asked) key.current = { of: asked, id: crypto.randomUUID() }
    setBusy(true)
    try {
      const { sessionId } = await rest.createSession({
        repoOwner,
        repoName,
        title: titleOf(prompt),
        idempotencyKey: key.current.id,
      })
      leavePrompt(sessionId, prompt)
      go(sessionId)
    } catch (error) {
      toastError(error)
      setBusy(false)
    }
  }
  return (
    <div class="new-session">
      <h1>What is to be done?</h1>
      <p class="dim">
        An agent works on it in a sandbox of its own. Close the page whenever you like.
      </p>
      <label class="repository">
        Repository
        <input
          value={repository}
          spellcheck={false}
          autocapitalize="off"
          onInput={event => setRepository(event.currentTarget.value)}
        />
      </label>
      <PromptBox
        text={text}
        onText={setText}
        onSend={start}
        label="First prompt"
        action={busy ? 'Starting …' : 'Start'}
        placeholder="$ git log"
        disabled={busy}
        suggestions={SUGGESTIONS}
      />
    </div>
  )
}
