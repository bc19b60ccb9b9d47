/** The start: say what is to be done, and a session begins with it. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { PromptBox } from './prompt-box.tsx'
import { rest } from './rest.ts'
import { go } from './route.ts'
import { SUGGESTIONS } from './suggestions.ts'
import { toast, toastError } from './toasts.tsx'
import { leavePrompt } from './use-session.ts'

const DEMO = 'demo/hello'
/** Where the repository of one's last session is kept. */
const LAST = 'repository'
/** As the api takes them. */
const REPOSITORY = /^([a-z\d][\w.-]*)\/([a-z\d][\w.-]*)$/i
const TITLE_CHARS = 80

const titleOf = (prompt: string): string => {
  const line = prompt.trim().split('\n')[0] ?? ''
  // By whole characters: half of an emoji is none.
  const letters = [...line]
  return letters.length > TITLE_CHARS ? `${letters.slice(0, TITLE_CHARS - 1).join('')}…` : line
}

/** What may be worked on, as far as the git host says. */
const useRepositories = (gitHost: boolean): readonly string[] => {
  const [names, setNames] = useState<readonly string[]>([])
  useEffect(() => {
    // Without an answer there is nothing to choose from, but a name can be typed all the same.
    if (gitHost) rest.repositories().then(setNames, () => {})
  }, [gitHost])
  return names
}

export const NewSession = ({ gitHost }: { gitHost: boolean }) => {
  const [text, setText] = useState('')
  const known = useRepositories(gitHost)
  const [typed, setTyped] = useState(() => localStorage.getItem(LAST))
  const offered = known.length === 0 || known.includes(DEMO) ? DEMO : known[0]
  const repository = typed ?? offered ?? DEMO
  const [busy, setBusy] = useState(false)
  /** One for each thing asked for: pressing again after a failure does not make a second session. */
  const key = useRef({ of: '', id: '' })
  useEffect(() => {
    document.title = 'Coding agents'
  }, [])

  const start = async (prompt: string) => {
    const [, repoOwner, repoName] = REPOSITORY.exec(repository.trim()) ?? []
    if (!repoOwner || !repoName) {
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
      localStorage.setItem(LAST, `${repoOwner}/${repoName}`)
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
          list="repositories"
          onInput={event => setTyped(event.currentTarget.value)}
        />
        <datalist id="repositories">
          {known.map(name => (
            <option key={name} value={name} />
          ))}
        </datalist>
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
