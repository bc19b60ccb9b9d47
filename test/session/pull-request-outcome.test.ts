import t from 'tap'
import { given, type Scene, START_MS } from './scene.ts'
import {
  changes,
  create,
  gitPushed,
  manual,
  notOpened,
  OWN_BRANCH,
  opened,
  prompt,
  pullRequest,
  pushed,
  ready,
  says,
} from './tales.ts'

const running = [...ready, prompt('a')] as const
const ada = { kind: 'user', userId: 'ada' } as const
const requestOf = ({ state }: Scene): string => state.pullRequests.open?.requestId ?? 'none'
const outcomes = ({ state }: Scene) => state.pullRequests.outcomes.map(one => one.outcome)

t.test('a person has to open it: the address is kept once', async t => {
  const { scene } = given(create())
  for (const _ of [1, 2]) {
    scene.tell(pullRequest({ by: ada }))
    scene.tell(manual(requestOf(scene)))
  }
  const all = scene.log.flatMap(one => one.events)
  t.match(
    all.filter(one => one.type === 'artifact_created'),
    [{ artifactType: 'branch', metadata: { mode: 'manual_pr', head: OWN_BRANCH } }],
  )
  t.match(outcomes(scene), [{ status: 'manual' }, { status: 'manual' }])
  scene.tell(changes({ state: 'open' }))
  t.match(scene.state.pullRequests.tracked, [{ number: 7 }], 'opened by hand, it is the session’s')
  t.match(scene.tell(pullRequest({ by: ada })).reply, { ok: true })
  scene.tell(notOpened(requestOf(scene)))
  t.match(outcomes(scene).at(-1), { status: 'failed', error: 'Validation Failed' })
})

t.test('what webhooks tell, in whatever order', async t => {
  const { scene } = given(...running, pullRequest(), says(pushed()))
  scene.tell(opened(requestOf(scene)))
  const states = () => scene.state.pullRequests.tracked.map(one => one.state)
  t.same(scene.tell(changes({ state: 'closed', providerUpdatedAtMs: START_MS - 1 })).events, [])
  t.same(scene.tell(changes({ repositoryId: 98, headBranch: 'foreign' })).events, [])
  t.same(scene.tell(changes({ number: 9, headBranch: 'foreign' })).events, [])
  const { events } = scene.tell(changes({ state: 'draft' }))
  t.match(events, [
    { type: 'pull_request_tracked', state: 'draft' },
    { type: 'artifact_updated', artifactType: 'pr', metadata: { number: 7, state: 'draft' } },
  ])
  t.same(scene.tell(changes({ state: 'draft' })).events, [], 'twice is once')
  scene.tell(changes({ state: 'merged' }))
  t.same(states(), ['merged'], 'within the same second the later stage counts')
  scene.tell(changes({ state: 'open', providerUpdatedAtMs: START_MS + 9_000 }))
  t.same(states(), ['merged'], 'merged stays merged')
  t.match(scene.tell(gitPushed('c0ffee')).events, [
    { type: 'sandbox_git_sync', status: 'completed', sha: 'c0ffee' },
    { type: 'session_sha_changed', sha: 'c0ffee' },
  ])
  t.same(scene.tell(gitPushed('c0ffee')).events, [])
  t.same(scene.tell(gitPushed('beef', 'main')).events, [], 'another branch is not ours')
})
