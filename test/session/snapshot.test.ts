import t from 'tap'
import { detailsOf, participantOf, snapshotOf, summaryOf } from '../../lib/session/snapshot.ts'
import { initialState } from '../../lib/session/state.ts'
import { sessionDetails } from '../../subjects/asks.ts'
import { sessionSnapshot } from '../../subjects/frames-server.ts'
import { sessionSummary } from '../../subjects/records.ts'
import { given, SID, START_MS } from './scene.ts'
import { create, prompt, ready, says, spawnFailed } from './tales.ts'

t.test('a snapshot', async t => {
  const { scene } = given(create({ title: 'T' }), ...ready.slice(1), prompt('a'), prompt('b'))
  const snapshot = snapshotOf(scene.state)
  const timeline = { events: [], hasMore: false, cursor: null }
  sessionSnapshot.parse({ ...snapshot, artifacts: [], timeline })
  t.match(snapshot, {
    session: {
      id: SID,
      title: 'T',
      status: 'active',
      sandboxStatus: 'ready',
      isProcessing: true,
      messageCount: 2,
      createdAt: START_MS,
    },
    promptQueue: [
      { content: 'a', status: 'processing' },
      { content: 'b', status: 'pending' },
    ],
    version: 3,
    held: false,
    spawnError: null,
    sequence: 1,
  })
  t.notMatch(JSON.stringify(snapshot), /hash-of/, 'no secret')
})

t.test('who comes later sees why a sandbox failed', async t => {
  t.equal(snapshotOf(given(create(), spawnFailed()).scene.state).spawnError, 'no room')
})

t.test('details', async t => {
  const { scene } = given(...ready, says({ type: 'git_sync', status: 'completed', sha: 'abc' }))
  const details = sessionDetails.parse(detailsOf(scene.state))
  t.match(details, {
    currentSha: 'abc',
    sandbox: { status: 'ready', gitSyncStatus: 'completed', objectId: 'object-1', generation: 1 },
  })
  t.equal(detailsOf(initialState).sandbox, null)
})

t.test('people', async t => {
  const { scene } = given(create())
  const { participantId = '' } = scene.state.participants[0] ?? {}
  t.same(participantOf(scene.state, participantId), {
    participantId,
    userId: 'ada',
    name: 'Ada',
    avatar: 'https://github.com/ada-l.png',
  })
  t.equal(participantOf(scene.state, 'nobody'), undefined)
})

t.test('a line of the list', async t => {
  const { scene } = given(create(), prompt('a'))
  t.match(sessionSummary.parse(summaryOf(scene.state)), { userId: 'ada', repoName: 'shop' })
})
