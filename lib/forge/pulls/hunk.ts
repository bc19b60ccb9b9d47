/** Reads a patch, as git writes it, line by line. */

export type DiffLine = {
  readonly kind: 'same' | 'added' | 'removed' | 'hunk' | 'note'
  readonly text: string
  /** Line numbers in the old and the new file; null where the line is in one of them only. */
  readonly before: number | null
  readonly after: number | null
}

export type DiffFile = {
  readonly path: string
  readonly lines: readonly DiffLine[]
}

/** The files of a patch; `path` is the new name, or the old one of a removed file. */
export const readDiff = (diff: string): DiffFile[] =>
  diff
    .split(/^(?=diff --git )/m)
    .filter(text => text.startsWith('diff --git '))
    .map(readFile)

const readFile = (text: string): DiffFile => {
  const all = text.split('\n')
  if (all.at(-1) === '') all.pop()
  const start = all.findIndex(line => line.startsWith('@@ '))
  const header = start < 0 ? all : all.slice(0, start)
  return { path: pathIn(header), lines: [...notesIn(header), ...linesIn(all.slice(header.length))] }
}

/** Git quotes unusual names as C does. */
const unquoted = (name: string): string => {
  if (!name.startsWith('"')) return name
  const bytes = name.slice(1, -1).replace(/\\([0-7]{3}|.)/g, (_, code: string) => {
    if (code.length === 3) return String.fromCharCode(Number.parseInt(code, 8))
    return { n: '\n', t: '\t' }[code] ?? code
  })
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

const pathIn = (header: readonly string[]): string => {
  const named = (mark: string) =>
    header.find(line => line.startsWith(mark) && !line.endsWith('/dev/null'))
  const line = named('+++ ') ?? named('--- ')
  if (line) return unquoted(line.slice(4).replace(/\t$/, '')).replace(/^[ab]\//, '')
  // Binary, or an empty file: both halves of the first line are the same name.
  const both = (header[0] ?? '').slice('diff --git '.length)
  return unquoted(both.slice(0, (both.length - 1) / 2)).replace(/^a\//, '')
}

const notesIn = (header: readonly string[]): DiffLine[] =>
  header
    .filter(line => /^(new file|deleted file|old mode|new mode|Binary files)/.test(line))
    .map(text => ({ kind: 'note', text, before: null, after: null }))

const linesIn = (lines: readonly string[]): DiffLine[] => {
  let before = 0
  let after = 0
  return lines.map((text): DiffLine => {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(text)
    if (hunk) {
      before = Number(hunk[1])
      after = Number(hunk[2])
      return { kind: 'hunk', text, before: null, after: null }
    }
    if (text.startsWith('+')) return { kind: 'added', text, before: null, after: after++ }
    if (text.startsWith('-')) return { kind: 'removed', text, before: before++, after: null }
    if (text.startsWith('\\')) return { kind: 'note', text, before: null, after: null }
    return { kind: 'same', text, before: before++, after: after++ }
  })
}

/** The hunk up to that line, as review comments quote it; undefined when it is not in the patch. */
export const hunkAt = (diff: string, line: number, side: 'LEFT' | 'RIGHT'): string | undefined => {
  const lines = readDiff(diff)[0]?.lines ?? []
  const at = lines.findIndex(one => (side === 'LEFT' ? one.before : one.after) === line)
  if (at < 0) return undefined
  const start = lines.slice(0, at).findLastIndex(one => one.kind === 'hunk')
  return lines
    .slice(Math.max(start, 0), at + 1)
    .map(one => one.text)
    .join('\n')
}
