/** A host has too few places: who waits is told, and who rests gives up its place. */
import t from 'tap'
import { exactly, given, jobsOf, type Told } from './scene.ts'
import {
  connected,
  create,
  delayed,
  done,
  evict,
  hold,
  prompt,
  pullRequest,
  ready,
  says,
  snapshotFailed,
  snapshotSaved,
  spawned,
  stop,
} from './tales.ts'

const NEEDED = 'The sandbox was stopped because a prompt of another session needs its place'
const stopJob = { job: 'stop', host: 'host-a', payload: { generation: 1, reason: 'Place needed' } }
const worked: readonly Told[] = [...ready, prompt('a'), says(done()), snapshotFailed()]

t.test('who waits for a place is told, once it is known', async t => {
  const { events } = given(create(), prompt('a')).when(delayed())
  exactly(t, events, [
    { type: 'sandbox_warning', message: 'no place' },
    { type: 'timeline', event: { type: 'warning', scope: 'start', message: 'no place' } },
  ])
  given(create(), spawned(), connected()).when(delayed()).gives(t, [], 'it is there')
  given(create()).when(delayed(2)).gives(t, [], 'it is about another one')
})

t.test('one that has done nothing ends at once', async t => {
  const { events, record, scene } = given(...ready).when(evict())
  exactly(t, events, [
    { type: 'sandbox_status_changed', status: 'stopped', reason: 'Place needed' },
    { type: 'sandbox_shutdown', generation: 1 },
    { type: 'sandbox_warning', message: NEEDED },
  ])
  exactly(t, record.effects, [stopJob])
  scene.tell(prompt('a'))
  t.equal(scene.state.sandbox.generation, 2, 'the next prompt starts another one at once')
})

t.test('what one has done is stored before it ends', async t => {
  const { events, record, scene } = given(...worked).when(evict())
  exactly(t, events, [
    { type: 'sandbox_status_changed', status: 'stopped' },
    { type: 'snapshot_started', reason: 'sandbox_ending' },
    { type: 'sandbox_ending', reason: 'Place needed' },
  ])
  t.same(jobsOf(record), ['snapshot'], 'it runs on until then')
  const saved = scene.tell(snapshotSaved('one', 1, { reason: 'sandbox_ending' }))
  t.match(saved.events.at(-1), { message: `${NEEDED}; its work is stored` })
  exactly(t, saved.record.effects, [stopJob])
})

t.test('one that is needed stays', async t => {
  given(...ready, prompt('a'))
    .when(evict())
    .gives(t, [], 'a prompt runs')
  given(...ready, prompt('a'), stop())
    .when(evict())
    .gives(t, [], 'a prompt is being stopped')
  given(create(), prompt('a')).when(evict()).gives(t, [], 'it is being started')
  given(...ready)
    .when(evict(2))
    .gives(t, [], 'it is about another one')
  given(...worked, pullRequest({ by: { kind: 'user', userId: 'ada' } }))
    .when(evict())
    .gives(t, [], 'a branch is being pushed')
  const held = given(...ready, prompt('a'), hold(), prompt('b'), says(done()), snapshotFailed())
  t.match(held.when(evict()).events[0], { status: 'stopped' }, 'what is held does not need it')
})
