import t from 'tap'
import { at, exactly, given, jobsOf, START_MS, type Told } from './scene.ts'
import {
  archive,
  connected,
  create,
  disconnected,
  done,
  exited,
  fires,
  prompt,
  ready,
  says,
  snapshotFailed,
  snapshotSaved,
  spawned,
  spawnFailed,
  stop,
  unarchive,
  warm,
} from './tales.ts'

/** Work was done, and its image is being taken since 0 s. */
const worked: readonly Told[] = [...ready, prompt('a'), says(done())]
/** Work was done that no image has. */
const unsaved: readonly Told[] = [...worked, snapshotFailed()]
const typesOf = (events: readonly { readonly type: string }[]) => events.map(one => one.type)
const started = (events: readonly { readonly type: string }[]) =>
  events.filter(one => one.type === 'snapshot_started')

t.test('taken when the queue has run empty, and not before', async t => {
  const { scene } = given(...ready, prompt('a'), prompt('b'))
  t.same(started(scene.tell(says(done())).events), [], 'another one starts')
  const { events, record } = scene.tell(says(done()))
  exactly(t, events.slice(-2), [
    { type: 'snapshot_started', generation: 1, reason: 'execution_complete' },
    { type: 'sandbox_status_changed', status: 'snapshotting' },
  ])
  exactly(t, record.effects, [
    { job: 'snapshot', host: 'host-a', payload: { objectId: 'object-1', generation: 1 } },
  ])
})

t.test('nothing starts on a sandbox while its image is taken', async t => {
  const { scene } = given(...worked)
  t.same(typesOf(scene.tell(prompt('b')).events), ['prompt_queued', 'session_status_changed'])
  t.equal(scene.state.running, null)
  exactly(t, scene.tell(snapshotSaved('one')).events, [
    { type: 'snapshot_saved', imageId: 'one' },
    { type: 'sandbox_status_changed', status: 'ready' },
    { type: 'prompt_started', content: 'b' },
    { type: 'timeline' },
  ])
  const failing = given(...worked, prompt('b')).when(snapshotFailed()).scene
  t.equal(failing.state.running?.content, 'b', 'a failure lets it go on as well')
  t.equal(failing.state.sandbox.status, 'ready')
})

t.test('an image that does not come in time holds nothing up, and torn it is not kept', async t => {
  const { scene } = given(...worked, prompt('b'))
  t.equal(scene.due('snapshot'), 60_000)
  t.equal(scene.due('retry'), undefined, 'that is what the queue waits for')
  exactly(t, scene.tell(fires('snapshot', 60_000)).events, [
    { type: 'snapshot_expired', generation: 1, reason: 'execution_complete' },
    { type: 'sandbox_status_changed', status: 'ready' },
    { type: 'prompt_started', content: 'b' },
    { type: 'timeline' },
  ])
  t.equal(scene.due('snapshot'), undefined)
  t.same(scene.tell(snapshotSaved('torn')).events, [], 'taken while b was running, who knows')
  scene.tell(at(61_000, says(done())))
  const ofTheFirst = { askedAtMs: START_MS }
  t.same(scene.tell(snapshotSaved('torn', 1, ofTheFirst)).events, [], 'nor taken for the next')
  t.equal(scene.state.snapshotImageId, null)
  const ofTheNext = { askedAtMs: START_MS + 61_000 }
  t.match(scene.tell(snapshotSaved('whole', 1, ofTheNext)).events, [{ imageId: 'whole' }, {}])

  const idle = given(...worked, fires('snapshot', 60_000)).scene
  t.match(idle.tell(snapshotSaved('late')).events, [{ type: 'snapshot_saved', imageId: 'late' }])
})

t.test('what happened to the status meanwhile stands', async t => {
  const { scene } = given(...worked, at(1_000, disconnected()), at(2_000, connected('c2')))
  t.equal(scene.state.sandbox.status, 'snapshotting', 'also over a new socket')
  scene.tell(exited(true))
  t.same(typesOf(scene.tell(snapshotSaved('one')).events), ['snapshot_saved'])
  t.equal(scene.state.sandbox.status, 'stopped')
})

t.test('after a stop: once the sandbox has let go', async t => {
  const { scene } = given(...ready, prompt('a'))
  t.same(started(scene.tell(stop()).events), [])
  exactly(t, started(scene.tell(says(done())).events), [{ reason: 'execution_complete' }])
})

t.test('not of a sandbox that its provider has not named', async t => {
  const { scene } = given(create(), connected(), prompt('a'))
  t.same(started(scene.tell(says(done())).events), [])
})

t.test('an idle stop: refused first, then the image, then the end', async t => {
  const { scene } = given(...unsaved)
  const first = scene.tell(fires('inactivity', 600_000))
  exactly(t, first.events, [
    { type: 'sandbox_status_changed', status: 'stopped', reason: 'Inactivity timeout' },
    { type: 'snapshot_started', reason: 'inactivity_timeout' },
    { type: 'sandbox_ending', reason: 'Inactivity timeout' },
  ])
  t.same(jobsOf(first.record), ['snapshot'], 'it is not stopped yet')
  t.match(scene.tell(connected('c2')).reply, { code: 'SANDBOX_GONE' })
  const { events, record } = scene.tell(snapshotSaved('one'))
  exactly(t, events, [
    { type: 'snapshot_saved' },
    { type: 'sandbox_shutdown', reason: 'Inactivity timeout' },
    {
      type: 'sandbox_warning',
      message: 'The sandbox was stopped for inactivity; its work is stored',
    },
  ])
  t.same(jobsOf(record), ['stop'])
  t.equal(scene.state.sandbox.ending, null)

  const lost = given(...unsaved, fires('inactivity', 600_000)).when(
    snapshotFailed('inactivity_timeout'),
  )
  t.match(lost.events.at(-1), { message: /inactivity; its latest work could not be .*: no room/ })
  const silent = given(...unsaved, fires('inactivity', 600_000)).when(fires('snapshot', 660_000))
  exactly(t, silent.events, [
    { type: 'snapshot_expired' },
    { type: 'sandbox_shutdown' },
    { type: 'sandbox_warning', message: /no answer within 60 seconds/ },
  ])
  const kept = given(...worked, snapshotSaved('one')).when(fires('inactivity', 600_000))
  t.same(started(kept.events), [], 'what is kept is not kept twice')
  t.same(jobsOf(kept.record), ['stop'])
})

t.test('every other end waits for the image as well', async t => {
  const archived = given(...unsaved).when(archive())
  exactly(t, started(archived.events), [{ reason: 'sandbox_ending' }])
  t.same(jobsOf(archived.record), ['snapshot'])
  const { events, record } = archived.scene.tell(snapshotFailed('sandbox_ending'))
  t.same(typesOf(events), ['snapshot_failed', 'sandbox_shutdown', 'sandbox_warning'])
  t.same(jobsOf(record), ['stop'])

  const stale = given(...ready, prompt('a')).when(fires('heartbeat', 90_001))
  t.same(typesOf(stale.events), [
    'timeline',
    'prompt_finished',
    'sandbox_status_changed',
    'snapshot_started',
    'sandbox_ending',
    'session_status_changed',
  ])
  t.same(jobsOf(stale.record), ['snapshot'])
})

t.test('an end in the middle of an image waits for that, and tries again if it failed', async t => {
  const during = given(...worked).when(archive())
  t.same(jobsOf(during.record), [])
  t.match(during.scene.state.sandbox, { status: 'stopped', ending: 'Sandbox terminated' })
  t.same(jobsOf(during.scene.tell(snapshotSaved('one')).record), ['stop'])

  const { scene } = given(...worked, archive())
  t.same(jobsOf(scene.tell(snapshotFailed()).record), ['snapshot'], 'once more')
  t.same(jobsOf(scene.tell(snapshotFailed('sandbox_ending')).record), ['stop'], 'not for ever')
})

t.test('no successor before the image of the one before is answered', async t => {
  const { scene } = given(...unsaved, at(1_000, disconnected()))
  const replaced = scene.tell(at(61_000, prompt('b')))
  t.same(jobsOf(replaced.record), ['snapshot'])
  t.match(scene.state.sandbox, { generation: 1, status: 'stopped' })
  t.same(scene.tell(warm()).events, [])
  t.equal(scene.due('snapshot'), 121_000)
  const { record } = scene.tell(snapshotSaved('one'))
  t.same(jobsOf(record), ['stop', 'restore'], 'and it begins from that')

  const gone = given(...worked, exited(false), at(40_000, prompt('b')))
  t.equal(gone.scene.state.sandbox.generation, 1, 'also of one that has died meanwhile')
  t.same(jobsOf(gone.when(snapshotFailed()).record), ['spawn'])

  const back = given(...unsaved, archive(), unarchive(), prompt('b'))
  t.same(jobsOf(back.when(fires('snapshot', 60_000)).record), ['stop', 'spawn'])
})

t.test('the newest image is kept', async t => {
  const { scene } = given(...worked)
  exactly(t, scene.tell(snapshotSaved('one')).events, [
    { type: 'snapshot_saved', imageId: 'one' },
    { type: 'sandbox_status_changed', status: 'ready' },
  ])
  t.same(scene.tell(snapshotSaved('one')).events, [], 'told twice')
  t.same(scene.tell(snapshotSaved('two')).events, [], 'nobody asked for another')
  t.same(scene.tell(snapshotSaved('three', 2)).events, [], 'of no sandbox of ours')
  t.equal(scene.state.snapshotImageId, 'one')
})

t.test('a late image of the sandbox before, while its successor has not worked', async t => {
  const { scene } = given(...worked, exited(true), at(1_000, prompt('b')))
  scene.tell(fires('snapshot', 60_000))
  t.equal(scene.state.sandbox.generation, 2)
  t.match(scene.tell(snapshotSaved('one', 1)).events, [{ type: 'snapshot_saved' }])
  scene.tell(connected('c2', 2))
  t.equal(scene.state.running?.content, 'b')
  t.same(scene.tell(snapshotSaved('two', 1)).events, [])
})

/** Prompt b waits for a sandbox that is being started from the image `one`. */
const restoring: readonly Told[] = [
  ...worked,
  snapshotSaved('one'),
  exited(true),
  at(1_000, prompt('b')),
]

t.test('the next sandbox begins from the image, and people are told', async t => {
  const { scene } = given(...worked, snapshotSaved('one'), exited(true))
  const { record, events } = scene.tell(at(1_000, prompt('b')))
  t.match(
    events.find(one => one.type === 'sandbox_requested'),
    { snapshotImageId: 'one' },
  )
  exactly(t, record.effects, [
    { job: 'restore', host: 'any', payload: { generation: 2, snapshotImageId: 'one' } },
  ])
  exactly(t, scene.tell(spawned(2)).events, [
    { type: 'sandbox_spawned' },
    { type: 'sandbox_restored', message: 'Session restored from snapshot' },
    { type: 'sandbox_status_changed', status: 'connecting' },
  ])
})

t.test('an image that never will start is followed by a fresh sandbox, at once', async t => {
  const { scene } = given(...restoring)
  const { record, events } = scene.tell(spawnFailed(2))
  exactly(t, events, [
    { type: 'sandbox_status_changed', status: 'failed', reason: 'no room' },
    { type: 'sandbox_warning', message: /cannot be brought back: no room\. A fresh one starts/ },
    { type: 'timeline', event: { type: 'warning' } },
    { type: 'sandbox_requested', generation: 3, snapshotImageId: null },
    { type: 'sandbox_status_changed', status: 'spawning' },
  ])
  t.same(jobsOf(record), ['spawn'])
  t.same(scene.state.spawnFailuresMs, [], 'which says nothing about fresh ones')
  t.same(typesOf(scene.tell(spawnFailed(3)).events)[0], 'sandbox_spawn_failed')
})

t.test('an image whose start fails in passing is tried again, but not for ever', async t => {
  const { scene } = given(...restoring, spawnFailed(2, false))
  t.same(jobsOf(scene.tell(fires('retry', scene.due('retry'))).record), ['restore'])
  scene.tell(spawnFailed(3, false))
  const { record, events } = scene.tell(fires('retry', scene.due('retry')))
  t.same(jobsOf(record), ['spawn'])
  t.match(
    events.find(one => one.type === 'sandbox_warning'),
    { message: /cannot be brought back: it failed to start 2 times/ },
  )
  t.equal(scene.state.snapshotImageId, 'one', 'it is not forgotten')
  scene.tell(connected('c3', 4))
  t.equal(scene.state.restoresTried, 0)
  t.equal(scene.nowMs > START_MS, true)
})
