/**
 * Editing a prompt that waits, while others may do the same and the queue moves on. Nothing typed here
 * is lost: if the prompt has started meanwhile the text can go to the prompt box, and if somebody else
 * has changed it one sees what they wrote before replacing it.
 */
import { useEffect, useRef } from 'preact/hooks'
import { MAX_CHARS } from './prompt-box.tsx'

type Props = {
  readonly text: string
  readonly onText: (text: string) => void
  /** The prompt is as it was, was changed by somebody else, or does not wait any more. */
  readonly state: 'same' | 'changed' | 'gone'
  /** What the prompt says now. */
  readonly theirs: string
  readonly onSave: () => void
  /** Their text was read, and may be replaced. */
  readonly onSeen: () => void
  readonly onPrompt: () => void
  readonly onCancel: () => void
}

export const QueueEditor = (props: Props) => {
  const { text, state } = props
  const area = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    const box = area.current
    box?.focus()
    box?.setSelectionRange(box.value.length, box.value.length)
  }, [])
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') return props.onCancel()
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    if (state === 'same' && text.trim() !== '') props.onSave()
  }
  return (
    <div class="queue-editor">
      {state === 'gone' && (
        <p role="alert">This prompt does not wait any more: it has started, or was removed.</p>
      )}
      {state === 'changed' && (
        <p role="alert">
          Somebody else was faster. It says now: <q>{props.theirs}</q>
        </p>
      )}
      <textarea
        ref={area}
        rows={Math.min(8, text.split('\n').length + 1)}
        value={text}
        maxLength={MAX_CHARS}
        aria-label="Edit the waiting prompt"
        onInput={event => props.onText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <span class="choices">
        {state === 'same' && (
          <button
            type="button"
            class="primary"
            disabled={text.trim() === ''}
            onClick={props.onSave}
          >
            Save
          </button>
        )}
        {state === 'changed' && (
          <button type="button" onClick={props.onSeen}>
            Go on with mine
          </button>
        )}
        {state === 'gone' && (
          <button type="button" onClick={props.onPrompt}>
            Put it into the prompt box
          </button>
        )}
        <button type="button" class="quiet" onClick={props.onCancel}>
          {state === 'same' ? 'Cancel' : 'Discard mine'}
        </button>
      </span>
    </div>
  )
}
