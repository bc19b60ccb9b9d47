/**
 * What a prompt asks of the demo agent: one step per line that it understands. Pure.
 */
export type Step =
  | { readonly kind: 'run'; readonly command: string }
  | {
      readonly kind: 'write'
      readonly path: string
      readonly text: string
      readonly append: boolean
    }
  | { readonly kind: 'commit'; readonly message: string }
  | { readonly kind: 'stall'; readonly hard: boolean }
  | { readonly kind: 'crash' }
  | { readonly kind: 'flood'; readonly count: number }

export type Script = {
  readonly steps: readonly Step[]
  /** The lines that are not instructions. */
  readonly words: string
  readonly wordEveryMs: number
  /** Every update about a tool is sent twice. */
  readonly duplicate: boolean
  /** End the turn without a word. */
  readonly silent: boolean
}

const WORD_EVERY_MS = 12

/** What the demo agent can do, for people. */
export const ABILITIES = [
  '`$ command` runs a command in the workspace,',
  '`write path: text` and `append path: text` change a file (`\\n` is a new line),',
  '`commit message` commits everything as the author of the prompt.',
  'Faults on request: `!slow 200`, `!stall`, `!crash`, `!flood 500`, `!duplicate`, `!silent`.',
].join(' ')

const stepOf = (line: string): Step | undefined => {
  const run = /^\$\s+(.+)$/.exec(line)
  if (run) return { kind: 'run', command: run[1] as string }
  const file = /^(write|append)\s+([^:]+):\s?(.*)$/i.exec(line)
  if (file) {
    const text = (file[3] as string).replaceAll('\\n', '\n')
    const append = file[1]?.toLowerCase() === 'append'
    return { kind: 'write', path: (file[2] as string).trim(), text: `${text}\n`, append }
  }
  const commit = /^commit\s+(.+)$/i.exec(line)
  if (commit) return { kind: 'commit', message: commit[1] as string }
  const stall = /^!stall(\s+hard)?$/.exec(line)
  if (stall) return { kind: 'stall', hard: stall[1] !== undefined }
  if (line === '!crash') return { kind: 'crash' }
  const flood = /^!flood\s+(\d{1,6})$/.exec(line)
  if (flood) return { kind: 'flood', count: Number(flood[1]) }
  return undefined
}

export const scriptOf = (prompt: string): Script => {
  const lines = prompt.split('\n').map(line => line.trim())
  const slow = lines.map(line => /^!slow\s+(\d{1,5})$/.exec(line)).find(match => match)
  const switches = (line: string) => /^!(slow\s+\d+|duplicate|silent)$/.test(line)
  return {
    steps: lines.map(stepOf).filter(step => step !== undefined),
    words: lines.filter(line => line !== '' && !stepOf(line) && !switches(line)).join('\n'),
    wordEveryMs: slow ? Number(slow[1]) : WORD_EVERY_MS,
    duplicate: lines.includes('!duplicate'),
    silent: lines.includes('!silent'),
  }
}
