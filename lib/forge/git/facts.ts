/** What the forge reads out of a bare repository, with git itself. */
import { git } from '../../process/git.ts'

export type Person = { readonly name: string; readonly email: string; readonly date: string }

export type Commit = {
  readonly sha: string
  readonly tree: string
  readonly parents: readonly string[]
  readonly author: Person
  readonly committer: Person
  readonly message: string
}

export type FileChange = {
  readonly path: string
  /** Null for a binary file. */
  readonly additions: number | null
  readonly deletions: number | null
}

/** Branches and tags: full name to commit (or tag object). */
export const refsOf = async (path: string): Promise<Map<string, string>> => {
  const format = '--format=%(objectname) %(refname)'
  const said = await git(['-C', path, 'for-each-ref', format, 'refs/heads', 'refs/tags'])
  const lines = said.split('\n').filter(Boolean)
  return new Map(lines.map(line => [line.slice(line.indexOf(' ') + 1), line.split(' ')[0] ?? '']))
}

const FIELDS = ['%H', '%T', '%P', '%an', '%ae', '%aI', '%cn', '%ce', '%cI', '%B'].join('%x00')

/** Commits of a range such as `base..head`, newest first. `range` holds hashes, never foreign text. */
export const commitsOf = async (
  path: string,
  range: readonly string[],
  limit: number,
): Promise<Commit[]> => {
  const options = [`--max-count=${limit}`, `--format=${FIELDS}%x01`, ...range, '--']
  const said = await git(['-C', path, 'log', '--topo-order', ...options])
  return said
    .split('\x01')
    .map(text => text.replace(/^\n/, ''))
    .filter(Boolean)
    .map(text => {
      const [sha = '', tree = '', parents = '', an = '', ae = '', ad = '', ...rest] =
        text.split('\0')
      const [cn = '', ce = '', cd = '', message = ''] = rest
      return {
        sha,
        tree,
        parents: parents.split(' ').filter(Boolean),
        author: { name: an, email: ae, date: ad },
        committer: { name: cn, email: ce, date: cd },
        message: message.trimEnd(),
      }
    })
}

export const countCommits = async (path: string, base: string, head: string): Promise<number> =>
  Number(await git(['-C', path, 'rev-list', '--count', `${base}..${head}`, '--']))

/**
 * What `head` changes since it left `base`; both are hashes. With `ofTrees`, how the two differ as
 * they are.
 */
export const filesOf = async (
  path: string,
  base: string,
  head: string,
  { ofTrees = false } = {},
): Promise<FileChange[]> => {
  const range = ofTrees ? [base, head] : [`${base}...${head}`]
  const options = ['--numstat', '--no-renames', '-z', ...range, '--']
  const said = await git(['-C', path, 'diff', ...options])
  const number = (text = '') => (text === '-' ? null : Number(text))
  return said
    .split('\0')
    .filter(Boolean)
    .map(line => {
      const [additions, deletions, ...name] = line.split('\t')
      return {
        path: name.join('\t'),
        additions: number(additions),
        deletions: number(deletions),
      }
    })
}

/** The same as a patch, of one file if `file` is given. */
export const diffOf = (path: string, base: string, head: string, file?: string): Promise<string> =>
  git([
    '-C',
    path,
    '--literal-pathspecs',
    'diff',
    '--no-color',
    '--no-ext-diff',
    `${base}...${head}`,
    '--',
    ...(file === undefined ? [] : [file]),
  ])

/** False also where git knows one of the commits no more. */
export const isAncestor = (path: string, ancestor: string, of: string): Promise<boolean> =>
  git(['-C', path, 'merge-base', '--is-ancestor', ancestor, of]).then(
    () => true,
    () => false,
  )

/** The whole hash of the commit that `text`, the beginning of a hash, means. */
export const findCommit = async (path: string, text: string): Promise<string | undefined> => {
  if (!/^[\da-f]{4,40}$/.test(text)) return undefined
  const said = git(['-C', path, 'rev-parse', '--verify', '--quiet', `${text}^{commit}`])
  return said.then(
    sha => sha.trim(),
    () => undefined,
  )
}

/** A file's text at a commit; undefined where there is none. */
export const fileAt = (path: string, sha: string, file: string): Promise<string | undefined> =>
  git(['-C', path, 'cat-file', 'blob', `${sha}:${file}`]).catch(() => undefined)

/** Keeps a pull request's commits for as long as there is the repository, and lets git fetch them. */
export const keepHead = (path: string, number: number, sha: string): Promise<string> =>
  git(['-C', path, 'update-ref', `refs/pull/${number}/head`, sha])
