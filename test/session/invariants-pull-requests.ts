/** What holds of requests for pull requests. Each throws with a sentence when it does not. */
import { deadlines } from '../../lib/session/deadlines.ts'
import { isLive } from '../../lib/session/state.ts'
import { ensure, same } from './ensure.ts'
import type { World } from './world.ts'

/** Of the whole log. */
export const pullRequests = (world: World): void => {
  const asked = world.eventsOf('pull_request_requested').map(one => one.requestId)
  const settled = world.eventsOf('pull_request_settled').map(one => one.requestId)
  same(settled, asked.slice(0, settled.length), 'pull requests are settled in order, each once')
  ensure(asked.length - settled.length <= 1, 'one at a time')
  same(world.state.pullRequests.open?.requestId, asked[settled.length], 'the state knows which')
  const merged = new Set<string>()
  for (const { artifactId, state } of world.eventsOf('pull_request_tracked')) {
    ensure(!merged.has(artifactId) || state === 'merged', 'what is merged stays merged')
    if (state === 'merged') merged.add(artifactId)
  }
}

/** Nothing waits for a push of a sandbox that is over, and whatever waits has an end. */
export const pullRequestsEnd = ({ state, policy }: World): void => {
  const { open } = state.pullRequests
  if (!open) return
  const due = deadlines(state, policy).some(one => one.name === 'pull_request')
  ensure(due, 'a pull request that is asked for has an end')
  ensure((open.push === null) !== (open.openingAtMs === null), 'it is pushed, or it is opened')
  if (!open.push) return
  ensure(open.push.generation === state.sandbox.generation, 'a push keeps its sandbox')
  ensure(isLive(state.sandbox), 'a dead sandbox pushes nothing')
}
