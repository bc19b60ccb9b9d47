/**
 * An agent's words with the little Markdown that agents write: paragraphs, headings, lists, fenced
 * and inline code, bold, links. Everything becomes elements, never HTML, so nothing can slip in.
 */
import type { ComponentChildren } from 'preact'

const INLINE =
  /(`[^`\n]+`|\*\*[^*\n]+\*\*|\[[^\]\n]+\]\(https?:\/\/[^\s)]+\)|https?:\/\/[^\s<>()]+[^\s<>().,;:!?'"])/

const inline = (text: string): ComponentChildren[] =>
  text.split(INLINE).map((part, i) => {
    if (i % 2 === 0) return part
    if (part.startsWith('`')) return <code>{part.slice(1, -1)}</code>
    if (part.startsWith('**')) return <strong>{part.slice(2, -2)}</strong>
    const [, label, address] = /^\[([^\]]+)\]\((.+)\)$/.exec(part) ?? [part, part, part]
    return (
      <a href={address} target="_blank" rel="noreferrer noopener">
        {label}
      </a>
    )
  })

const LIST = /^\s*(?:[-*•]|\d+[.)])\s+/

const block = (text: string): ComponentChildren => {
  const heading = /^#{1,6}\s+(.*)$/.exec(text)
  if (heading) return <p class="heading">{inline(heading[1] ?? '')}</p>
  const lines = text.split('\n')
  if (lines.every(line => LIST.test(line))) {
    const items = lines.map(line => <li>{inline(line.replace(LIST, ''))}</li>)
    return /^\s*\d/.test(lines[0] ?? '') ? <ol>{items}</ol> : <ul>{items}</ul>
  }
  return (
    <p>
      {lines.map((line, i) => (
        <>
          {i > 0 && <br />}
          {inline(line)}
        </>
      ))}
    </p>
  )
}

/** Splits at fences; an open one is code up to the end, because the text still grows. */
const FENCE = /^```[^\n]*\n([\s\S]*?)(?:\n?^```[ \t]*$|(?![\s\S]))/m

const parts = (text: string): ComponentChildren[] => {
  const fence = FENCE.exec(text)
  if (!fence) {
    return text
      .split(/\n{2,}/)
      .filter(paragraph => paragraph.trim() !== '')
      .map(paragraph => block(paragraph.replace(/^\n+|\n+$/g, '')))
  }
  return [
    ...parts(text.slice(0, fence.index)),
    <pre>
      <code>{fence[1]}</code>
    </pre>,
    ...parts(text.slice(fence.index + fence[0].length)),
  ]
}

export const RichText = ({ text }: { text: string }) => <div class="rich">{parts(text)}</div>
