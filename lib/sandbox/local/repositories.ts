/**
 * The repositories that a local sandbox may be started on: bare ones in `repos/<owner>/<name>.git`
 * under the data folder. They are only read here: every sandbox has a clone of its own.
 */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../../subjects/errors.ts'
import { git } from '../../process/git.ts'

/** Begins with a letter or digit, so that neither `.`, `..` nor an option can be meant. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/i

export const isRepositoryName = (name: string): boolean => NAME.test(name)

export const sessionBranch = (sid: string): string => `open-inspect/${sid}`

const isFolder = (path: string) =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )

/** `owner/name` of every repository there is, in order. */
export const repositoryNames = async (repos: string): Promise<string[]> => {
  const owners = await readdir(repos).catch(() => [])
  const names = await Promise.all(
    owners.map(async owner =>
      (await readdir(join(repos, owner)).catch(() => []))
        .filter(name => name.endsWith('.git'))
        .map(name => `${owner}/${name.slice(0, -4)}`),
    ),
  )
  return names.flat().toSorted()
}

/**
 * The folder of a repository.
 * @throws code REPOSITORY_NOT_FOUND with a sentence that names what there is
 */
export const repositoryFolder = async (
  repos: string,
  owner: string,
  name: string,
): Promise<string> => {
  const path = join(repos, owner, `${name}.git`)
  if (NAME.test(owner) && NAME.test(name) && (await isFolder(path))) return path
  const there = await repositoryNames(repos)
  throw fail('REPOSITORY_NOT_FOUND', {
    message: `There is no repository ${owner}/${name} on this host. ${
      there.length > 0 ? `There is: ${there.slice(0, 20).join(', ')}.` : 'There is none at all.'
    } A bare clone in repos/<owner>/<name>.git under the data folder adds one.`,
  })
}

/**
 * Clones a repository and checks the session's branch out. A workspace that is there already is left
 * as it is: it holds the work of an earlier sandbox of the session.
 * @throws codes REPOSITORY_NOT_FOUND, PROVIDER_REFUSED when the branch is not there
 */
export const prepareWorkspace = async (options: {
  readonly repository: string
  readonly workspace: string
  readonly sid: string
  readonly baseBranch: string
  /** What `origin` means in the workspace, when it is not the repository itself. */
  readonly origin?: string | null
}): Promise<void> => {
  const { repository, workspace, sid, baseBranch, origin } = options
  if (await isFolder(workspace)) return
  const branches = (
    await git(['-C', repository, 'for-each-ref', '--format=%(refname:short)', 'refs/heads'])
  )
    .split('\n')
    .filter(branch => branch !== '')
  if (branches.length > 0 && !branches.includes(baseBranch)) {
    throw fail('PROVIDER_REFUSED', {
      message: `The repository has no branch ${baseBranch}. It has: ${branches.slice(0, 20).join(', ')}.`,
    })
  }
  // Made beside its place and renamed, so that half a clone is never taken for a workspace. Without
  // hard links: through one an agent could write into the repository itself.
  const fresh = `${workspace}.new`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true })
  await git(['clone', '--quiet', '--no-hardlinks', repository, fresh])
  if (origin) await git(['-C', fresh, 'remote', 'set-url', 'origin', origin])
  const branch = sessionBranch(sid)
  await (branches.length > 0
    ? git(['-C', fresh, 'checkout', '--quiet', '--no-track', '-b', branch, `origin/${baseBranch}`])
    : git(['-C', fresh, 'checkout', '--quiet', '--orphan', branch]))
  await rename(fresh, workspace)
}
