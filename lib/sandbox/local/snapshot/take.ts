/**
 * Makes a snapshot of a workspace as a git bundle. Writes only into its own folder: objects, index and
 * refs are those of a repository made for it, so neither files nor index nor branches change under the
 * agent. The workspace's configuration is the agent's and can name programs: whoever calls this has
 * confined it as the agent is.
 */
import { execFile } from 'node:child_process'
import { copyFile, lstat, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BYTE_FOR_BYTE, MANIFEST_REF, type Manifest, SNAPSHOT_REFS } from './manifest.ts'

export type TakeOptions = {
  readonly workspace: string
  /** The agent's home folder. */
  readonly home: string
  /** What the workspace is a clone of: what is in there is not stored again. */
  readonly repository: string
  /** An empty folder; `bundle` is in it afterwards. */
  readonly out: string
  readonly maxBytes: number
  readonly maxHomeBytes: number
}

const run = promisify(execFile)
const WITHIN_MS = 240_000
const MAX_LEFT_OUT = 20
/** Folders of a home that can be fetched again. */
const CACHES = ['.cache', '.npm', '.bun', '.cargo', 'node_modules']

type Running = {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Exit codes that are no failure. */
  readonly also?: readonly number[]
}

const git = async (args: readonly string[], { env, input, also }: Running = {}) => {
  const fixed = ['-c', 'safe.directory=*', '-c', 'core.fsmonitor=false', '-c', 'gc.auto=0']
  const running = run('git', [...fixed, ...args], {
    env: {
      PATH: process.env.PATH,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_AUTHOR_NAME: 'Snapshot',
      GIT_AUTHOR_EMAIL: 'snapshot@sandbox.invalid',
      GIT_COMMITTER_NAME: 'Snapshot',
      GIT_COMMITTER_EMAIL: 'snapshot@sandbox.invalid',
      LC_ALL: 'C',
      ...env,
    },
    timeout: WITHIN_MS,
    maxBuffer: 64 * 1024 ** 2,
  })
  running.child.stdin?.on('error', () => {})
  running.child.stdin?.end(input)
  try {
    return await running
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout: string; stderr: string }
    if (code !== undefined && also?.includes(code)) return { stdout, stderr }
    throw new Error(stderr?.trim().slice(-1_000) || (error as Error).message, { cause: error })
  }
}

const lines = (text: string) => text.split('\n').filter(line => line !== '')
const megabytes = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MB`

/** @throws an error whose message says to people why there is no snapshot */
export const takeSnapshot = async (options: TakeOptions): Promise<Manifest> => {
  const { workspace, repository, out } = options
  const own = join(workspace, '.git')
  if (!(await isFolder(own))) throw new Error('The workspace is no git repository any more.')
  await checkSize(options)

  const store = join(out, 'git')
  await git(['init', '--quiet', '--bare', store])
  await mkdir(join(store, 'info'), { recursive: true })
  const alternates = [own, repository].map(folder => join(folder, 'objects'))
  await writeFile(join(store, 'objects/info/alternates'), `${alternates.join('\n')}\n`)
  await writeFile(join(store, 'info/attributes'), BYTE_FOR_BYTE)
  const at = { GIT_DIR: store }

  const branch = (await git(['--git-dir', own, 'symbolic-ref', '-q', 'HEAD'], { also: [1] })).stdout
  const commit = (
    await git(['--git-dir', own, 'rev-parse', '-q', '--verify', 'HEAD^{commit}'], { also: [1] })
  ).stdout.trim()
  const format = '--format=%(objectname) %(refname)'
  const listed = await git(['--git-dir', own, 'for-each-ref', format, 'refs/heads', 'refs/tags'])
  const refs = lines(listed.stdout).map((line): [string, string] => {
    const space = line.indexOf(' ')
    return [line.slice(space + 1), line.slice(0, space)]
  })

  const parent = commit === '' ? [] : ['-p', commit]
  const commitOf = async (tree: string, parents: readonly string[], message: string) =>
    (
      await git(['commit-tree', tree, ...parents, '-F', '-'], { env: at, input: message })
    ).stdout.trim()

  const files = await worktreeOf(options, store)
  const index = await stagedOf(options, store, commit)
  const home = await homeOf(options, store)
  const worktree = await commitOf(files.tree, parent, 'All files')
  const staged = await commitOf(index.tree, parent, 'What is staged')
  const homeCommit = home.tree === null ? null : await commitOf(home.tree, [], 'Home')
  const told: Manifest = {
    v: 1,
    head: branch.trim() === '' ? { commit } : { branch: branch.trim() },
    refs,
    worktree,
    staged,
    home: homeCommit,
    leftOut: [...files.leftOut, ...index.leftOut, ...home.leftOut].slice(0, MAX_LEFT_OUT),
  }
  const last = await commitOf(files.tree, [], JSON.stringify(told))
  const wanted = [
    [MANIFEST_REF, last],
    [`${SNAPSHOT_REFS}/worktree`, worktree],
    [`${SNAPSHOT_REFS}/staged`, staged],
    ...(homeCommit === null ? [] : [[`${SNAPSHOT_REFS}/home`, homeCommit]]),
    ...(commit === '' ? [] : [[`${SNAPSHOT_REFS}/head`, commit]]),
    ...refs.map(([, hash], n) => [`${SNAPSHOT_REFS}/refs/${n}`, hash]),
  ]
  const updates = wanted.map(([name, hash]) => `create ${name} ${hash}\n`).join('')
  await git(['update-ref', '--stdin'], { env: at, input: updates })

  const known = lines(
    (await git(['--git-dir', repository, 'for-each-ref', '--format=%(objectname)', 'refs/heads']))
      .stdout,
  )
  const without = known.map(hash => `^${hash}\n`).join('')
  const bundle = join(out, 'bundle')
  await git(['bundle', 'create', '--quiet', bundle, '--all', '--stdin'], {
    env: at,
    input: without,
  })
  const { size } = await stat(bundle)
  if (size > options.maxBytes) throw tooLarge(size, options.maxBytes)
  return told
}

const isFolder = (path: string) =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )

const tooLarge = (bytes: number, maxBytes: number, largest = '') =>
  new Error(
    `The work in the sandbox is too large for a snapshot: ${megabytes(bytes)}, and ${megabytes(maxBytes)} is the most.${largest}`,
  )

/** Looks at new and changed files before any is read. */
const checkSize = async ({ workspace, maxBytes }: TakeOptions) => {
  const list = ['ls-files', '-z', '--others', '--modified', '--exclude-standard']
  const { stdout } = await git(['-C', workspace, ...list])
  let bytes = 0
  let largest = { path: '', bytes: 0 }
  for (const path of new Set(stdout.split('\0'))) {
    if (path === '') continue
    const found = await lstat(join(workspace, path)).catch(() => undefined)
    if (!found?.isFile()) continue
    bytes += found.size
    if (found.size > largest.bytes) largest = { path, bytes: found.size }
  }
  if (bytes <= maxBytes) return
  const named = ` The largest file is ${largest.path} (${megabytes(largest.bytes)}).`
  throw tooLarge(bytes, maxBytes, named)
}

type Taken = { readonly tree: string; readonly leftOut: readonly string[] }

const leftOutOf = (stderr: string) =>
  lines(stderr)
    .filter(line => /^(error|warning): /.test(line))
    .map(line => line.slice(0, 300))

/** Every file that is tracked, or neither tracked nor ignored. */
const worktreeOf = async ({ workspace, out }: TakeOptions, store: string): Promise<Taken> => {
  const own = join(workspace, '.git')
  const env = {
    GIT_DIR: store,
    GIT_WORK_TREE: workspace,
    GIT_INDEX_FILE: join(out, 'index-worktree'),
  }
  const ignores = ['-c', `core.excludesFile=${join(own, 'info/exclude')}`, '-c', 'core.bare=false']
  // A repository inside the workspace without a commit cannot be added; the rest is all the same.
  const add = ['-C', workspace, ...ignores, 'add', '--all', '--ignore-errors', '.']
  const { stderr } = await git(add, { env, also: [1] })
  const tracked = await git([
    ...['-C', workspace, 'ls-files', '-z'],
    ...['--cached', '--ignored', '--exclude-standard'],
  ])
  if (tracked.stdout !== '') {
    const update = ['-C', workspace, '-c', 'core.bare=false', 'update-index']
    await git([...update, '--add', '--remove', '-z', '--stdin'], { env, input: tracked.stdout })
  }
  return { tree: (await git(['write-tree'], { env })).stdout.trim(), leftOut: leftOutOf(stderr) }
}

/** The index as it is. In the middle of a merge it is no tree: then nothing counts as staged. */
const stagedOf = async (options: TakeOptions, store: string, commit: string): Promise<Taken> => {
  const index = join(options.out, 'index-staged')
  const env = { GIT_DIR: store, GIT_INDEX_FILE: index }
  await copyFile(join(options.workspace, '.git/index'), index).catch(error => {
    if (error.code !== 'ENOENT') throw error
  })
  try {
    return { tree: (await git(['write-tree'], { env })).stdout.trim(), leftOut: [] }
  } catch {
    const fresh = { ...env, GIT_INDEX_FILE: `${index}-fresh` }
    if (commit !== '') await git(['read-tree', commit], { env: fresh })
    const tree = (await git(['write-tree'], { env: fresh })).stdout.trim()
    return { tree, leftOut: ['what was staged: an unfinished merge'] }
  }
}

/** The agent's home without what it can fetch again. */
const homeOf = async ({ home, out, maxHomeBytes }: TakeOptions, store: string) => {
  if (!(await isFolder(home))) return { tree: null, leftOut: [] }
  const bytes = await sizeOf(home, maxHomeBytes)
  if (bytes > maxHomeBytes) {
    return { tree: null, leftOut: [`the agent's own folder: more than ${megabytes(maxHomeBytes)}`] }
  }
  const env = { GIT_DIR: store, GIT_WORK_TREE: home, GIT_INDEX_FILE: join(out, 'index-home') }
  const without = CACHES.map(name => `:(exclude,glob)**/${name}/**`)
  const add = ['-C', home, '-c', 'core.bare=false', 'add', '--all', '--force', '--ignore-errors']
  const { stderr } = await git([...add, '--', '.', ...without], { env, also: [1] })
  return { tree: (await git(['write-tree'], { env })).stdout.trim(), leftOut: leftOutOf(stderr) }
}

/** Bytes in a folder without caches; stops counting past `enough`. */
const sizeOf = async (folder: string, enough: number): Promise<number> => {
  let bytes = 0
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (bytes > enough) return bytes
    if (entry.isDirectory() && !CACHES.includes(entry.name)) {
      bytes += await sizeOf(join(folder, entry.name), enough - bytes)
    } else if (entry.isFile()) {
      bytes += (await lstat(join(folder, entry.name)).catch(() => undefined))?.size ?? 0
    }
  }
  return bytes
}
