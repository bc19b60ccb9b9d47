/** What an agent did: one line, with arguments and output folded away behind it. */
import { useState } from 'preact/hooks'
import type { Item } from '../client/reading.ts'
import { terminalText } from './terminal-text.ts'

type Args = Readonly<Record<string, unknown>>

const STATES: Readonly<Record<string, string>> = {
  pending: 'waiting',
  running: 'running',
  completed: 'done',
  error: 'failed',
}

const textOf = (value: unknown): string => {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2)
}

/** What it is about, in one line: the command, the file, whatever is most telling. */
const subjectOf = (event: Item['event']): string => {
  const args = (typeof event.args === 'object' && event.args !== null ? event.args : {}) as Args
  const telling = ['command', 'filePath', 'file_path', 'path', 'pattern', 'query', 'url', 'title']
  const value = telling.map(name => args[name]).find(found => typeof found === 'string')
  return textOf(value ?? event.title)
    .replace(/\s+/g, ' ')
    .slice(0, 200)
}

const PREVIEW_LINES = 8
/** The last lines while it runs, the first ones afterwards, and how many there are in all. */
const previewOf = (output: string, running: boolean) => {
  const lines = output.split('\n').filter(line => line.trim() !== '')
  const shown = running ? lines.slice(-PREVIEW_LINES) : lines.slice(0, PREVIEW_LINES)
  return { preview: shown.join('\n'), lines: lines.length }
}

export const ToolCall = ({ event }: { event: Item['event'] }) => {
  const [open, setOpen] = useState(false)
  const status = STATES[textOf(event.status)] ?? 'waiting'
  const args = textOf(event.args)
  const output = terminalText(textOf(event.output))
  const subject = subjectOf(event)
  const { preview, lines } = previewOf(open ? '' : output, status === 'running')
  return (
    <details
      class={`tool ${status}`}
      open={open}
      onToggle={toggled => setOpen(toggled.currentTarget.open)}
    >
      <summary>
        <span class="state" role="img" aria-label={status} title={status} />
        <span class="name">{textOf(event.tool)}</span>
        <span class="subject">{subject}</span>
        {preview && <span class="preview">{preview}</span>}
        {lines > PREVIEW_LINES && <span class="all">Show all {lines} lines</span>}
      </summary>
      {open && (
        <div class="inside">
          {args !== '' && args !== '{}' && (
            <>
              <h4>Arguments</h4>
              <pre>{args}</pre>
            </>
          )}
          <h4>Output</h4>
          {output === '' ? <p class="dim">Nothing yet.</p> : <pre>{output}</pre>}
        </div>
      )}
    </details>
  )
}
