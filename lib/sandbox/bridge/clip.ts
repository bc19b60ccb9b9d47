/** Bounds what an agent may put into one event: what is too long keeps its beginning and its end. */

/** Characters of a tool call's output or arguments. */
export const MAX_OUTPUT_CHARS = 100_000

/** The text, or its first and last parts with a line between them that says what is missing. */
export const clip = (text: string, maxChars: number = MAX_OUTPUT_CHARS): string => {
  if (text.length <= maxChars) return text
  const head = Math.floor(maxChars * 0.6)
  const tail = maxChars - head
  const missing = text.length - head - tail
  return `${text.slice(0, head)}\n… ${missing} characters left out …\n${text.slice(-tail)}`
}

/** The value as it is when its JSON is short enough, else that JSON, clipped. */
export const clipJson = (value: unknown, maxChars: number = MAX_OUTPUT_CHARS): unknown => {
  if (value === undefined) return undefined
  const text = JSON.stringify(value) ?? 'null'
  return text.length <= maxChars ? value : clip(text, maxChars)
}
