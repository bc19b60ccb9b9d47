/** Where people type. Enter sends, Shift+Enter is a new line; Ctrl/Cmd+Enter sends as well. */
import { useEffect, useRef } from 'preact/hooks'

export const MAX_CHARS = 64_000

type Props = {
  readonly text: string
  readonly onText: (text: string) => void
  readonly onSend: (text: string) => void
  readonly label: string
  readonly action: string
  readonly placeholder?: string
  readonly disabled?: boolean
  readonly suggestions?: readonly string[]
}

export const PromptBox = (props: Props) => {
  const { text, onText, onSend, disabled = false } = props
  const area = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    // A keyboard that springs up on a phone hides what one came to read.
    if (matchMedia('(hover: hover)').matches) area.current?.focus()
  }, [])

  const ready = text.trim() !== '' && !disabled
  const send = () => {
    if (!ready) return
    onSend(text)
    area.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter also ends the composition of a character, and then it sends nothing.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    send()
  }
  return (
    <form
      class="prompt-box"
      onSubmit={event => {
        event.preventDefault()
        send()
      }}
    >
      {props.suggestions && text === '' && (
        <div class="suggestions">
          {props.suggestions.map(suggestion => (
            <button
              key={suggestion}
              type="button"
              onClick={() => {
                onText(suggestion)
                area.current?.focus()
              }}
            >
              {suggestion.split('\n')[0]}
            </button>
          ))}
        </div>
      )}
      <div class="field">
        {/* As high as its text, by style alone: a height that is measured moves all that is above it. */}
        <div class="grows" data-text={text}>
          <textarea
            ref={area}
            rows={1}
            value={text}
            maxLength={MAX_CHARS}
            aria-label={props.label}
            placeholder={props.placeholder}
            onInput={event => onText(event.currentTarget.value)}
            onKeyDown={onKeyDown}
          />
        </div>
        <button type="submit" class="primary" disabled={!ready}>
          {props.action}
        </button>
      </div>
      <p class="hint dim">
        <kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> starts a new line
      </p>
    </form>
  )
}
