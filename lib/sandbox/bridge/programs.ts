/**
 * The programs that a sandbox has besides those of its host, as small scripts in `<folder>/bin`, and the
 * part of git's configuration that makes git ask for tokens. An agent may read both, never write them.
 */
import { access, chmod, mkdir, rename, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

const PROGRAMS = join(import.meta.dirname, '..', 'programs')
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

export const binOf = (folder: string): string => join(folder, 'bin')

/** Their folder comes first. */
export const pathWith = (folder: string, path: string): string =>
  [binOf(folder), path].filter(one => one !== '').join(delimiter)

const atOnce = async (path: string, text: string, mode: number): Promise<void> => {
  await writeFile(`${path}.new`, text, { mode })
  await chmod(`${path}.new`, mode)
  await rename(`${path}.new`, path)
}

/**
 * git in an isolated sandbox: no address but the proxy's can be reached from there, and the environment
 * says of those of this machine that they need none. Servers of the agent's own still need none.
 */
const gitThroughProxy = (folder: string): string => `#!/bin/sh
unset NO_PROXY no_proxy
PATH="\${PATH#${binOf(folder)}:}" exec git "$@"
`

/** Makes git ask for tokens for this one repository, and for no other. */
const hostConfig = (folder: string, repositoryUrl: string): string =>
  [repositoryUrl, repositoryUrl.replace(/\.git$/, '')]
    .map(url =>
      [
        `[credential ${JSON.stringify(url)}]`,
        '\thelper =',
        `\thelper = ${JSON.stringify(`!${quoted(join(binOf(folder), 'git-credential-sandbox'))}`)}`,
        '',
      ].join('\n'),
    )
    .join('')

/** Writes both anew. @param options.repositoryUrl where the session's repository is; null for nowhere */
export const installPrograms = async (options: {
  readonly folder: string
  readonly repositoryUrl: string | null
  readonly isolated: boolean
}): Promise<void> => {
  const { folder, repositoryUrl, isolated } = options
  const bin = binOf(folder)
  await mkdir(bin, { recursive: true, mode: 0o700 })
  const script = (name: string) =>
    `#!/bin/sh\nexec ${quoted(process.execPath)} ${quoted(join(PROGRAMS, `${name}.ts`))} "$@"\n`
  await atOnce(join(bin, 'open-pull-request'), script('open-pull-request'), 0o700)
  await atOnce(join(bin, 'git-credential-sandbox'), script('git-credential'), 0o700)
  if (isolated) await atOnce(join(bin, 'git'), gitThroughProxy(folder), 0o700)

  const git = join(folder, 'git')
  await mkdir(git, { recursive: true, mode: 0o700 })
  const host = repositoryUrl === null ? '' : hostConfig(folder, repositoryUrl)
  await atOnce(join(git, 'host'), host, 0o600)
  // The author's part is written with each prompt; a push may come before the first.
  const config = join(git, 'config')
  await access(config).catch(() => atOnce(config, '[include]\n\tpath = host\n', 0o600))
}
