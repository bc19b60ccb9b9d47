/**
 * Makes the agent's commits those of whoever wrote the prompt. The agent's process outlives a prompt,
 * so its environment cannot name the author; it names a file instead, which git reads each time and
 * which only the bridge may write.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SandboxFrameOf } from '../../../subjects/frames-sandbox.ts'

type Author = SandboxFrameOf<'prompt'>['author']

/** When nobody is to be named at all. */
const AGENT = { name: 'Coding agent', email: 'agent@sandbox.invalid' }

/**
 * The person, also one whose address nobody knows: the work is theirs all the same, and then the
 * address is one that reaches nobody.
 */
const identityOf = ({ gitIdentity, githubName, githubEmail, userId }: Author) => {
  if (gitIdentity.mode === 'attributed-user') return gitIdentity
  const name = githubName ?? userId
  const local = userId.replace(/[^\w.+-]/g, '-')
  return { name, email: githubEmail ?? (local && `${local}@sandbox.invalid`) }
}

const quoted = (text: string): string =>
  `"${[...text]
    .map(character => (character < ' ' || character === '\x7f' ? ' ' : character))
    .join('')
    .replace(/["\\]/g, '\\$&')}"`

/** The text of a git configuration file with this identity. */
export const gitConfig = (author: Author): string => {
  const { name, email } = identityOf(author)
  return [
    '[user]',
    `\tname = ${quoted(name.trim() || AGENT.name)}`,
    `\temail = ${quoted(email.trim() || AGENT.email)}`,
    // What programs.ts wrote beside it.
    '[include]',
    '\tpath = host',
    '[commit]',
    '\tgpgsign = false',
    '[init]',
    '\tdefaultBranch = main',
    '',
  ].join('\n')
}

/** Writes `<folder>/git/config`, at once as a whole: a commit may be under way. */
export const writeGitIdentity = async (folder: string, author: Author): Promise<void> => {
  const path = join(folder, 'git', 'config')
  await mkdir(join(folder, 'git'), { recursive: true, mode: 0o700 })
  await writeFile(`${path}.new`, gitConfig(author), { mode: 0o600 })
  await rename(`${path}.new`, path)
}
