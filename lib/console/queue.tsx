/**
 * Prompts that wait: those that the session has queued, then those that are still on their way to it.
 * What is queued belongs to everybody: anybody may edit, move or remove it, or hold it all.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Session } from '../client/session.ts'
import { QueueEditor } from './queue-editor.tsx'
import { type Move, QueueRow } from './queue-row.tsx'
import { toastChange } from './toasts.tsx'

/** What somebody is editing: the prompt, its text when they began, and their text so far. */
type Editing = { readonly messageId: string; readonly base: string; readonly text: string }

/** A row that was moved by keyboard keeps the focus, wherever it is now. */
const useFocusAfterMove = (version: number) => {
  const list = useRef<HTMLOListElement>(null)
  const moved = useRef<{ messageId: string; move: Move; version: number } | null>(null)
  useLayoutEffect(() => {
    if (!moved.current || moved.current.version === version) return
    const { messageId, move } = moved.current
    moved.current = null
    // Still there, unless it was the button that has just become of no use.
    const focused = document.activeElement
    if (focused !== document.body && !focused?.matches('.queue :disabled')) return
    const row = list.current?.querySelector(`[data-message="${CSS.escape(messageId)}"]`)
    const choices = row?.querySelectorAll<HTMLButtonElement>('button[data-move]:not(:disabled)')
    const same = [...(choices ?? [])].find(button => button.dataset.move === move)
    const button = same ?? choices?.[0]
    button?.focus()
  })
  return { list, moved }
}

type Props = { readonly session: Session; readonly onEdit: (text: string) => void }

export const Queue = ({ session, onEdit }: Props) => {
  const { view, outbox } = session
  const [editing, setEditing] = useState<Editing | null>(null)
  const { list, moved } = useFocusAfterMove(view.queueVersion)
  const waiting = view.queue.filter(({ status }) => status === 'pending')
  const refused = outbox.filter(({ refusal }) => refusal).length
  // What was refused waits at the end, where a long queue hides it.
  useLayoutEffect(() => {
    if (refused > 0) list.current?.lastElementChild?.scrollIntoView({ block: 'nearest' })
  }, [refused])
  const running = view.queue.length - waiting.length
  const edited = waiting.find(({ messageId }) => messageId === editing?.messageId)
  if (waiting.length + outbox.length === 0 && !view.held && !editing) return null

  const act = (change: Promise<void>) => change.catch(toastChange)
  const move = (from: number, direction: Move) => {
    const prompt = waiting[from]
    if (!prompt) return
    moved.current = { messageId: prompt.messageId, move: direction, version: view.queueVersion }
    const before = waiting[direction === 'up' ? from - 1 : from + 2]?.messageId ?? null
    void act(session.movePrompt(prompt.messageId, before, view.queueVersion))
  }
  const save = async (one: Editing) => {
    try {
      await session.editPrompt(one.messageId, one.text, session.view.queueVersion)
      setEditing(null)
    } catch (error) {
      toastChange(error)
    }
  }
  const editor = editing && (
    <QueueEditor
      text={editing.text}
      onText={text => setEditing({ ...editing, text })}
      state={!edited ? 'gone' : edited.content === editing.base ? 'same' : 'changed'}
      theirs={edited?.content ?? ''}
      onSave={() => void save(editing)}
      onSeen={() => setEditing({ ...editing, base: edited?.content ?? '' })}
      onPrompt={() => {
        onEdit(editing.text)
        setEditing(null)
      }}
      onCancel={() => setEditing(null)}
    />
  )
  return (
    <section class={`queue ${view.held ? 'held' : ''}`} aria-label="Waiting prompts">
      <header>
        <h2>
          Next up <span class="dim">{waiting.length + outbox.length}</span>
        </h2>
        {view.held && <span class="dim">Held: nothing starts until it is released</span>}
        <button
          type="button"
          class="quiet hold"
          onClick={() => void act(view.held ? session.releaseQueue() : session.holdQueue())}
        >
          {view.held ? 'Release' : 'Hold'}
        </button>
      </header>
      {editing && !edited && editor}
      <ol ref={list}>
        {waiting.map((prompt, i) => (
          <QueueRow
            key={prompt.messageId}
            prompt={prompt}
            place={running + i + 1}
            canUp={i > 0}
            canDown={i < waiting.length - 1}
            onMove={direction => move(i, direction)}
            onRemove={() => void act(session.cancelPrompt(prompt.messageId))}
            onEdit={() => {
              const { messageId, content } = prompt
              setEditing({ messageId, base: content, text: content })
            }}
          >
            {prompt === edited && editor}
          </QueueRow>
        ))}
        {outbox.map(({ clientRequestId, content, refusal }) => (
          <li key={clientRequestId} class={refusal ? 'refused' : 'sending'}>
            <span class="place">{refusal ? '!' : '…'}</span>
            <span class="who" role={refusal ? 'alert' : undefined}>
              {refusal ? refusal.message : 'Sending'}
            </span>
            <span class="what">{content}</span>
            {refusal && (
              <span class="choices">
                <button type="button" onClick={() => session.retry(clientRequestId)}>
                  Try again
                </button>
                <button
                  type="button"
                  onClick={() => {
                    onEdit(content)
                    session.discard(clientRequestId)
                  }}
                >
                  Edit
                </button>
                <button type="button" onClick={() => session.discard(clientRequestId)}>
                  Discard
                </button>
              </span>
            )}
          </li>
        ))}
      </ol>
    </section>
  )
}
