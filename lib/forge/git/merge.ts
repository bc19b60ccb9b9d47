/** Makes the commit that a merge will be, in a worktree of its own; moves nothing. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { git } from '../../process/git.ts'

export const MERGE_METHODS = ['merge', 'squash', 'rebase'] as const
export type MergeMethod = (typeof MERGE_METHODS)[number]

export type MergeWanted = {
  readonly method: MergeMethod
  /** Hashes. */
  readonly base: string
  readonly head: string
  readonly message: string
  readonly by: { readonly name: string; readonly email: string }
}

export type MergeResult =
  | { readonly sha: string }
  /** The files in which the two sides contradict each other. */
  | { readonly conflicts: readonly string[] }

/** The new tip for the base branch, or why there is none. */
export const mergeCommits = async (path: string, wanted: MergeWanted): Promise<MergeResult> => {
  const { method, base, head, message, by } = wanted
  const folder = await mkdtemp(join(tmpdir(), 'forge-merge-'))
  const tree = join(folder, 'tree')
  const env = {
    GIT_AUTHOR_NAME: by.name,
    GIT_AUTHOR_EMAIL: by.email,
    GIT_COMMITTER_NAME: by.name,
    GIT_COMMITTER_EMAIL: by.email,
  }
  // The repository's content is foreign; nothing of it may run.
  const quiet = ['-c', 'core.hooksPath=/dev/null', '-c', 'commit.gpgSign=false']
  const at = (...args: string[]) => git([...quiet, '-C', tree, ...args], { env })
  try {
    const start = method === 'rebase' ? head : base
    await git(['-C', path, 'worktree', 'add', '--quiet', '--detach', tree, start])
    try {
      if (method === 'rebase') {
        // The author of each commit stays who it was.
        const { GIT_AUTHOR_NAME: _, GIT_AUTHOR_EMAIL: __, ...committer } = env
        await git([...quiet, '-C', tree, 'rebase', '--quiet', base], { env: committer })
      } else {
        const how = method === 'merge' ? ['--no-ff', '--no-commit'] : ['--squash']
        await at('merge', '--quiet', '--no-verify', ...how, head)
        await at('commit', '--quiet', '--no-verify', '--allow-empty', '-m', message)
      }
    } catch (error) {
      const listed = await at('diff', '--name-only', '-z', '--diff-filter=U')
      const conflicts = listed.split('\0').filter(Boolean)
      if (conflicts.length === 0) throw error
      return { conflicts }
    }
    return { sha: (await at('rev-parse', 'HEAD')).trim() }
  } finally {
    await rm(folder, { recursive: true, force: true })
    await git(['-C', path, 'worktree', 'prune'])
  }
}

/** Moves a branch from one commit to another; throws when it is elsewhere meanwhile. */
export const moveBranch = (path: string, branch: string, to: string, from: string) =>
  git(['-C', path, 'update-ref', `refs/heads/${branch}`, to, from])
