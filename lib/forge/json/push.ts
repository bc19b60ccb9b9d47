/** The `push` webhook. */
import { commitsOf, isAncestor } from '../git/facts.ts'
import type { ForgeSettings, Repository } from '../room.ts'
import type { AccountRow } from '../tables.ts'
import { accountJson } from './account.ts'
import { installationRef } from './installation.ts'
import { repositoryJson, repositoryUrls } from './repository.ts'

/** A branch or tag that was moved; null where it was not, or is no more. */
export type PushChange = {
  readonly ref: string
  readonly before: string | null
  readonly after: string | null
}

const NONE = '0'.repeat(40)
/** GitHub lists at most as many. */
const MOST_COMMITS = 2_048

type Push = {
  readonly repository: Repository
  readonly change: PushChange
  readonly sender: AccountRow
  readonly path: string
}

export const pushPayload = async (
  settings: ForgeSettings,
  { repository, change, sender, path }: Push,
): Promise<object> => {
  const { ref, before, after } = change
  const { web } = repositoryUrls(settings, repository)
  const commits = await pushedCommits(path, change, web)
  const [head] = after ? await commitsOf(path, [after], 1) : []
  const forced = before && after ? !(await isAncestor(path, before, after)) : false
  const owner = { name: repository.owner.login, email: repository.owner.email }
  const json = repositoryJson(settings, repository)
  const seconds = (ms: number) => Math.floor(ms / 1000)
  return {
    ref,
    before: before ?? NONE,
    after: after ?? NONE,
    base_ref: null,
    created: before === null,
    deleted: after === null,
    forced,
    compare: `${web}/compare/${(before ?? NONE).slice(0, 12)}...${(after ?? NONE).slice(0, 12)}`,
    commits,
    head_commit: head ? commitJson(head, web) : null,
    // In this event alone the times are numbers and the owner has a name.
    repository: {
      ...json,
      owner: { ...json.owner, ...owner },
      created_at: seconds(repository.created_at),
      pushed_at: seconds(settings.nowMs()),
      stargazers: 0,
      master_branch: repository.default_branch,
    },
    pusher: { name: sender.login, email: sender.email },
    sender: accountJson(settings, sender),
    installation: installationRef(settings),
  }
}

const pushedCommits = async (path: string, { ref, before, after }: PushChange, web: string) => {
  if (!after || !ref.startsWith('refs/heads/')) return []
  // Of a new branch: what no other branch has.
  const others = [`--exclude=${ref.slice('refs/heads/'.length)}`, '--branches']
  const range = before ? [after, '--not', before] : [after, '--not', ...others]
  const commits = await commitsOf(path, range, MOST_COMMITS)
  return commits.toReversed().map(commit => commitJson(commit, web))
}

const commitJson = (commit: Awaited<ReturnType<typeof commitsOf>>[number], web: string) => ({
  id: commit.sha,
  tree_id: commit.tree,
  distinct: true,
  message: commit.message,
  timestamp: commit.committer.date,
  url: `${web}/commit/${commit.sha}`,
  author: { name: commit.author.name, email: commit.author.email },
  committer: { name: commit.committer.name, email: commit.committer.email },
  added: [],
  removed: [],
  modified: [],
})
