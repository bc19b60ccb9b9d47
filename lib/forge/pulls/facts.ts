/** What git says of a pull request, and whether it would merge. */
import { git } from '../../process/git.ts'
import { countCommits, filesOf } from '../git/facts.ts'

export type PullFacts = {
  readonly commits: number
  readonly additions: number
  readonly deletions: number
  readonly changed_files: number
}

/** Counts from where the branches parted; both are hashes. */
export const pullFacts = async (path: string, base: string, head: string): Promise<PullFacts> => {
  const [commits, files] = await Promise.all([
    countCommits(path, base, head),
    filesOf(path, base, head),
  ])
  const sum = (numbers: readonly (number | null)[]) =>
    numbers.reduce<number>((all, one) => all + (one ?? 0), 0)
  return {
    commits,
    additions: sum(files.map(file => file.additions)),
    deletions: sum(files.map(file => file.deletions)),
    changed_files: files.length,
  }
}

/** Whether the two merge without conflict; null where git is too old to tell (before 2.38). */
export const mergeable = async (
  path: string,
  base: string,
  head: string,
): Promise<boolean | null> => {
  const options = ['--write-tree', '--no-messages', '--name-only', base, head]
  try {
    await git(['-C', path, 'merge-tree', ...options])
    return true
  } catch (error) {
    return ((error as Error).cause as { code?: unknown } | undefined)?.code === 1 ? false : null
  }
}
