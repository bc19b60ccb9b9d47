/**
 * Makes a workspace out of a snapshot: a clone of this host's repository, brought to exactly the state
 * that was stored. What was not committed is not, what was staged is, what was untracked is again.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../../../subjects/errors.ts'
import { git } from '../../../process/git.ts'
import { BYTE_FOR_BYTE, MANIFEST_REF, type Manifest, manifest, SNAPSHOT_REFS } from './manifest.ts'

export type RestoreOptions = {
  readonly bundle: string
  readonly repository: string
  /** Takes the place of what is there. */
  readonly workspace: string
  readonly home: string
  /** What `origin` means in the workspace, when it is not the repository itself. */
  readonly origin?: string | null
}

/** @throws code PROVIDER_REFUSED when the repository lacks what the snapshot builds on */
export const restoreWorkspace = async (options: RestoreOptions): Promise<Manifest> => {
  const { bundle, repository, workspace, home } = options
  // Made beside its place and renamed, as a clone is: half of it is never taken for a workspace.
  const fresh = `${workspace}.new`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true })
  await git(['clone', '--quiet', '--no-hardlinks', '--no-checkout', repository, fresh])
  const at = ['-C', fresh]
  if (options.origin) await git([...at, 'remote', 'set-url', 'origin', options.origin])
  await git([
    ...at,
    'fetch',
    '--quiet',
    '--no-tags',
    bundle,
    `${SNAPSHOT_REFS}/*:${SNAPSHOT_REFS}/*`,
  ]).catch((error: Error) => {
    const message = `The repository on this host does not fit the stored sandbox: ${error.message}`
    throw fail('PROVIDER_REFUSED', { message: message.slice(0, 2_000), error })
  })
  const commit = await git([...at, 'cat-file', 'commit', MANIFEST_REF])
  const told = manifest.parse(JSON.parse(commit.slice(commit.indexOf('\n\n'))))

  await restoreBranches(at, told)
  await byteForByte(fresh, async () => {
    await checkOut(fresh, { into: fresh, commit: told.worktree, index: 'index' })
    if (told.home !== null) await restoreHome(fresh, home, told.home)
  })
  await git([...at, 'read-tree', told.staged])
  // Only finds out what is unchanged; a file that differs is no failure.
  await git([...at, 'update-index', '-q', '--refresh']).catch(() => {})
  const stored = await git([...at, 'for-each-ref', '--format=delete %(refname)', SNAPSHOT_REFS])
  await git([...at, 'update-ref', '--stdin'], { input: stored })
  await rm(workspace, { recursive: true, force: true })
  await rename(fresh, workspace)
  return told
}

const restoreBranches = async (at: readonly string[], { head, refs }: Manifest) => {
  const cloned = (
    await git([...at, 'for-each-ref', '--format=%(refname)', 'refs/heads', 'refs/tags'])
  )
    .split('\n')
    .filter(name => name !== '')
  const kept = new Set(refs.map(([name]) => name))
  const changes = [
    ...cloned.filter(name => !kept.has(name)).map(name => `delete ${name}\n`),
    ...refs.map(([name, hash]) => `update ${name} ${hash}\n`),
  ]
  // Detached first: the branch that the clone stands on may be one that goes.
  await git([...at, 'symbolic-ref', 'HEAD', 'refs/heads/restoring'])
  await git([...at, 'update-ref', '--stdin'], { input: changes.join('') })
  await ('branch' in head
    ? git([...at, 'symbolic-ref', 'HEAD', head.branch])
    : git([...at, 'update-ref', '--no-deref', 'HEAD', head.commit]))
}

/** Does `work` while no attribute of the repository changes a file on its way out. */
const byteForByte = async (fresh: string, work: () => Promise<void>) => {
  const attributes = join(fresh, '.git/info/attributes')
  await mkdir(join(fresh, '.git/info'), { recursive: true })
  await writeFile(attributes, BYTE_FOR_BYTE)
  await work()
  await rm(attributes)
}

const restoreHome = async (fresh: string, home: string, commit: string) => {
  const into = `${home}.new`
  await rm(into, { recursive: true, force: true })
  await mkdir(into, { recursive: true, mode: 0o700 })
  await checkOut(fresh, { into, commit, index: 'index-home' })
  await rm(join(fresh, '.git/index-home'), { force: true })
  await rm(home, { recursive: true, force: true })
  await rename(into, home)
}

const checkOut = (
  fresh: string,
  { into, commit, index }: { into: string; commit: string; index: string },
) => {
  const own = join(fresh, '.git')
  const env = { GIT_INDEX_FILE: join(own, index) }
  const where = ['--git-dir', own, '--work-tree', into]
  return git([...where, 'read-tree', '--reset', '-u', commit], { env })
}
