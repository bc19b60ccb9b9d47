/**
 * Who works with pull requests: a service that asks for them, and people at the git host who comment on them,
 * rename, close and merge them.
 */
import type { Pull } from '../git-host.ts'
import type { Ledger } from '../ledger.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import { insist, type Pace, think } from './pace.ts'
import { codeIn, isPassing, postOnce } from './rest.ts'

/** A request may end so while things go wrong: the sandbox ended, or nobody could do it for too long. */
const MAY_FAIL: ReadonlySet<string | undefined> = new Set([
  'PUSH_FAILED',
  'PULL_REQUEST_FAILED',
  'GITHUB_UNAVAILABLE',
])
/** Says "try again" of itself, though the request is over: the same one would get the same answer. */
const OVER = 'GITHUB_UNAVAILABLE'

type Someone = {
  readonly sid: string
  readonly name: string
  readonly pace: Pace
  readonly random: Random
}

export const branchOf = (sid: string): string => `open-inspect/${sid}`

export const runGitPeople = async (
  world: World,
  ledger: Ledger,
  { sid, name, pace, random }: Someone,
): Promise<void> => {
  /** @returns its number, unless it failed as it may */
  const pullRequest = async (key: string): Promise<number | undefined> => {
    const body = { title: key, body: 'As asked.', userId: 'alice' }
    const headers = { 'idempotency-key': key }
    try {
      const opened = await insist(n => postOnce(world, n, `/sessions/${sid}/pr`, body, headers), {
        isPassing: error => isPassing(error) && codeIn(error) !== OVER,
        over: world.over,
      })
      ledger.pullRequests.push({ sid, key, number: opened.prNumber })
      return opened.prNumber
    } catch (error) {
      if (!MAY_FAIL.has(codeIn(error))) ledger.wrongs.push(`${key}: no pull request, ${error}`)
      return undefined
    }
  }
  const act = ({ number }: Pull, key: string) => {
    const { gitHost } = world
    switch (random.between(1, 4)) {
      case 1:
        return gitHost.retitle(number, `${key} by hand`)
      case 2:
        return gitHost.close(number, random.between(0, 1) === 1)
      default: {
        const atMs = world.nowMs()
        const { guid } = gitHost.comment(number, `do ${key}`)
        const id = `hook:${guid}`
        ledger.sent.push({ sid, id, way: 'webhook', sender: id, atMs })
      }
    }
  }
  for (let n = 0; await think(pace, random); n++) {
    const number = await pullRequest(`${name}-${n}`)
    const pull = world.gitHost.pulls.find(one => one.number === number)
    if (!pull) continue
    for (let acts = random.between(1, 3); acts > 0; acts--) act(pull, `${name}-${n}-${acts}`)
  }
}
