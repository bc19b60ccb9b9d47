import t from 'tap'
import { at, exactly, given, type Told } from './scene.ts'
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
} from './tales.ts'

const worked: readonly Told[] = [...ready, prompt('a'), says(done())]
const typesOf = (events: readonly { readonly type: string }[]) => events.map(one => one.type)
const started = (events: readonly { readonly type: string }[]) =>
  events.filter(one => one.type === 'snapshot_started')

t.test('taken when the queue has run empty, and not before', async t => {
  const { scene } = given(...ready, prompt('a'), prompt('b'))
  t.same(started(scene.tell(says(done())).events), [], 'another one starts')
  const { events, record } = scene.tell(says(done()))
  exactly(t, started(events), [{ generation: 1, reason: 'execution_complete' }])
  exactly(t, record.effects, [
    { job: 'snapshot', host: 'host-a', payload: { objectId: 'object-1', generation: 1 } },
  ])
  t.match(scene.tell(prompt('c')).events.at(-2)?.type, 'prompt_started', 'nobody waits for it')
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

t.test('before an idle stop, once more if it failed, then not again', async t => {
  const { scene } = given(...worked, snapshotFailed())
  const first = scene.tell(fires('inactivity', 600_000))
  exactly(t, started(first.events), [{ reason: 'inactivity_timeout' }])
  t.equal(scene.state.sandbox.status, 'ready')
  t.equal(scene.due('inactivity'), 630_000, 'it has half a minute')
  scene.tell(snapshotFailed('inactivity_timeout'))
  t.same(scene.tell(fires('inactivity', 630_000)).events[0], {
    type: 'sandbox_status_changed',
    status: 'stopped',
    reason: 'Inactivity timeout',
  })
  const kept = given(...worked, snapshotSaved('one')).when(fires('inactivity', 600_000))
  t.same(started(kept.events), [], 'what is kept is not kept twice')
  t.equal(kept.scene.state.sandbox.status, 'stopped')
})

t.test('before the end of a sandbox that lives and has worked', async t => {
  const unsaved: Told[] = [...worked, snapshotFailed()]
  exactly(t, started(given(...unsaved).when(archive()).events), [{ reason: 'sandbox_ending' }])
  const replaced = given(...unsaved, at(1_000, disconnected())).when(at(61_000, prompt('b')))
  t.same(typesOf(replaced.events).slice(0, 1), ['prompt_queued'])
  exactly(t, started(replaced.events), [{ generation: 1, reason: 'sandbox_ending' }])
  t.same(
    replaced.record.effects.map(one => one.job),
    ['snapshot', 'stop', 'spawn'],
  )
})

t.test('the newest image is kept, and no status depends on it', async t => {
  const { scene } = given(...worked)
  exactly(t, scene.tell(snapshotSaved('one')).events, [{ type: 'snapshot_saved', imageId: 'one' }])
  t.same(scene.tell(snapshotSaved('one')).events, [], 'told twice')
  scene.tell(exited(true))
  scene.tell(snapshotSaved('two'))
  t.equal(scene.state.snapshotImageId, 'two')
  t.equal(scene.state.sandbox.status, 'stopped')
  t.same(scene.tell(snapshotSaved('three', 2)).events, [], 'of no sandbox of ours')
})

t.test('a late image of the sandbox before, while its successor has not worked', async t => {
  const { scene } = given(...worked, exited(true), at(1_000, prompt('b')))
  t.match(scene.tell(snapshotSaved('one', 1)).events, [{ type: 'snapshot_saved' }])
  scene.tell(connected('c2', 2))
  t.equal(scene.state.running?.content, 'b')
  t.same(scene.tell(snapshotSaved('two', 1)).events, [])
})

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

t.test('an image that does not start is followed by a fresh sandbox', async t => {
  const { scene } = given(...worked, snapshotSaved('one'), exited(true), at(1_000, prompt('b')))
  scene.tell(spawnFailed(2))
  const { record } = scene.tell(fires('retry', scene.due('retry')))
  t.same(
    record.effects.map(one => one.job),
    ['spawn'],
  )
  t.equal(scene.state.snapshotImageId, 'one', 'which is not forgotten')
})
