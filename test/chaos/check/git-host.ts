/**
 * The git host and the sessions agree: each request opened one pull request at most, every one that is there
 * is known to its session once, as it is now, and the session's branch stands where it stands. What a comment
 * became is looked at among the prompts.
 */
import type { SessionEventOf } from '../../../subjects/records.ts'
import type { GitHost, Pull } from '../git-host.ts'
import type { Ledger } from '../ledger.ts'
import { branchOf } from '../load/git-people.ts'
import type { Logs } from '../log.ts'
import { type Finding, repeated } from './check.ts'
import { eventsOf } from './prompts.ts'

type Tracked = SessionEventOf<'pull_request_tracked'>

const stateOf = ({ state, merged }: Pull): string => (merged ? 'merged' : state)

/** What is wrong with what a session has noted of a pull request. */
const wrongsOf = (pull: Pull, told: readonly Tracked[], shown: number): string[] => {
  const wrongs: string[] = []
  const last = told.at(-1)
  const should = `${stateOf(pull)} "${pull.title}"`
  const is = last && `${last.state} "${last.title}"`
  if (is !== should) wrongs.push(`is ${should}, and known as ${is}`)
  if (shown !== 1) wrongs.push(`is shown ${shown} times`)
  const times = told.map(one => one.providerUpdatedAtMs ?? 0)
  if (times.some((atMs, n) => atMs < (times[n - 1] ?? 0))) wrongs.push('went back')
  return wrongs
}

export const checkGitHost = (host: GitHost, ledger: Ledger, logs: Logs): Finding => {
  const wrongs: string[] = []
  for (const title of repeated(host.pulls.map(({ openedAs }) => openedAs))) {
    wrongs.push(`"${title}" was opened twice`)
  }
  for (const { sid, key, number } of ledger.pullRequests) {
    const head = host.pulls.find(one => one.number === number)?.head
    if (head !== branchOf(sid)) wrongs.push(`${key} was told of #${number} of ${head}`)
  }
  for (const [sid, records] of logs) {
    const tracked = eventsOf(records, 'pull_request_tracked')
    const shown = eventsOf(records, 'artifact_created')
    for (const pull of host.pulls.filter(({ head }) => head === branchOf(sid))) {
      const told = tracked.filter(({ number }) => number === pull.number)
      const ids = new Set(told.map(({ artifactId }) => artifactId))
      const times = shown.filter(({ artifactId }) => ids.has(artifactId)).length
      for (const wrong of wrongsOf(pull, told, times))
        wrongs.push(`${sid}: #${pull.number} ${wrong}`)
    }
    const shas = eventsOf(records, 'session_sha_changed').map(({ sha }) => sha)
    const head = host.headOf(branchOf(sid))
    if (shas.at(-1) !== head) wrongs.push(`${sid}: stands at ${shas.at(-1)}, not at ${head}`)
  }
  const looked = host.pulls.length + host.deliveries.length
  return {
    name: 'git host: each request one pull request, each delivery one effect',
    looked,
    wrongs,
  }
}
