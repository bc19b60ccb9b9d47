/** How a comment on a pull request reads as a prompt (spec 6.5): who, where, the code, the words. */

/** A hunk is context; a page of it is enough. */
const HUNK_CHARS = 4_000

/** A fence longer than any in the text, so that the text cannot end it. */
const fenced = (text: string): string => {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}diff\n${text}\n${fence}`
}

export type CommentedCode = {
  readonly path: string
  readonly line: number | null
  readonly hunk: string
}

export const promptOf = (comment: {
  readonly login: string
  readonly repository: string
  readonly number: number
  readonly title: string
  readonly body: string
  readonly url: string
  readonly code: CommentedCode | null
}): string => {
  const { login, repository, number, title, body, url, code } = comment
  const where = code
    ? `, on ${code.path}${code.line === null ? '' : ` line ${code.line}`}:\n\n${fenced(code.hunk.slice(-HUNK_CHARS))}`
    : ':'
  return `${login} commented on pull request #${number} (${title}) of ${repository}${where}\n\n${body}\n\n${url}`
}
