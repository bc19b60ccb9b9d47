/** Reads a Procfile: `name: command` on each line, as foreman and others do. */
import { fail } from '../../subjects/errors.ts'

export type ProcfileLine = { readonly name: string; readonly command: string }

/** @throws code `CONFIG_INVALID` when a line is neither that, nor blank, nor a comment. */
export const parseProcfile = (text: string): ProcfileLine[] =>
  text.split('\n').flatMap((line, i) => {
    if (/^\s*(#.*)?$/.test(line)) return []
    const [, name, command] = /^([\w-]+):\s*(\S.*?)\s*$/.exec(line) ?? []
    if (!name || !command) {
      throw fail('CONFIG_INVALID', {
        message: `Line ${i + 1} of the Procfile is ${JSON.stringify(line)}: write a name, a colon and a command.`,
      })
    }
    return [{ name, command }]
  })

/**
 * Reads how many of each process to run, `['owner=2', 'edge=2']`; one of each that is not named.
 *
 * @throws code `CONFIG_INVALID` when a word is not of that form or names no process.
 */
export const parseFormation = (
  words: readonly string[],
  lines: readonly ProcfileLine[],
): ReadonlyMap<string, number> => {
  const counts = new Map(lines.map(line => [line.name, 1]))
  for (const word of words) {
    const [, name = '', count] = /^([\w-]+)=(\d{1,3})$/.exec(word) ?? []
    if (!counts.has(name)) {
      throw fail('CONFIG_INVALID', {
        message: `${JSON.stringify(word)} does not say how many of a process to run: write for example owner=2, with one of ${[...counts.keys()].join(', ')}.`,
      })
    }
    counts.set(name, Number(count))
  }
  return counts
}
