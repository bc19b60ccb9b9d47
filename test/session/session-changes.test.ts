import t from 'tap'
import { sandboxFrames } from '../../lib/session/frames.ts'
import { applyRecord } from '../../lib/session/record.ts'
import { initialState } from '../../lib/session/state.ts'
import { viewOf } from '../../lib/session/view.ts'
import { at, exactly, given, jobsOf, START_MS, type Told } from './scene.ts'
import {
  archive,
  connected,
  create,
  done,
  exited,
  fires,
  hold,
  invite,
  prompt,
  ready,
  remove,
  says,
  snapshotSaved,
  stop,
  title,
  unarchive,
  warm,
  wsToken,
} from './tales.ts'

t.test('a title, trimmed, of 1 to 200 characters', async t => {
  const { scene } = given(create())
  exactly(t, scene.tell(title('  Fix it ')).events, [{ title: 'Fix it' }])
  t.same(scene.tell(title('Fix it')).events, [], 'as it is')
  t.match(scene.tell(title('x'.repeat(200))).reply, { ok: true })
  for (const text of ['', '  ', 'x'.repeat(201)]) {
    const { events, reply } = scene.tell(title(text))
    t.match(reply, { ok: false, code: 'INVALID_REQUEST' })
    t.same(events, [])
  }
})

t.test('an archived session has no sandbox and takes no prompts', async t => {
  const { scene } = given(...ready, prompt('a'), says(done()), snapshotSaved('one'))
  const { events, record } = scene.tell(archive())
  exactly(t, events, [
    { type: 'session_status_changed', status: 'archived' },
    { type: 'sandbox_status_changed', status: 'stopped', reason: 'Sandbox terminated' },
    { type: 'sandbox_shutdown', generation: 1 },
  ])
  exactly(t, record.effects, [{ job: 'stop', host: 'host-a', payload: { objectId: 'object-1' } }])
  t.match(scene.tell(prompt('b')).reply, { code: 'SESSION_NOT_PROMPTABLE' })
  t.match(scene.tell(hold()).reply, { code: 'SESSION_NOT_PROMPTABLE' })
  t.match(scene.tell(connected('c2')).reply, { code: 'SESSION_TERMINAL' })
  t.same(scene.tell(at(60_000, warm())).events, [], 'typing warms nothing')
  t.match(scene.tell(archive()), { events: [], reply: { ok: true } }, 'it is archived')
})

t.test('a sandbox that is starting is stopped too; none, and a dead one, need not be', async t => {
  const stops = (...history: Told[]) => jobsOf(given(...history).when(archive()).record)
  t.same(stops(create()), ['stop'])
  t.same(stops(...ready, exited(true)), [])
})

t.test('a stop that is not confirmed does not keep a session from the archive', async t => {
  const { scene } = given(...ready, prompt('a'), stop(), archive())
  t.equal(scene.state.status, 'archived')
  t.equal(scene.state.stopping, null)
  t.equal(scene.due('stop'), undefined)
})

t.test('who may not archive, and when', async t => {
  const reply = (history: readonly Told[], told: Told) => given(...history).when(told).reply
  t.match(reply([create()], archive('bob')), { code: 'NOT_A_PARTICIPANT' })
  t.match(reply([create(), wsToken('a', 'bob')], archive('bob')), { ok: true })
  t.match(reply([...ready, prompt('a')], archive()), { code: 'SESSION_BUSY' }, 'it runs')
  t.match(reply([create(), prompt('a')], archive()), { code: 'SESSION_BUSY' }, 'it waits')
  t.match(reply([create()], unarchive()), { code: 'NOT_ARCHIVED' })
  t.match(reply([create(), archive()], unarchive('bob')), {
    code: 'NOT_A_PARTICIPANT',
    message: 'Not authorized to unarchive this session',
  })
})

t.test('back from the archive it is active, and a prompt gets a new sandbox', async t => {
  const { scene } = given(...ready, prompt('a'), says(done()), snapshotSaved('one'), archive())
  exactly(t, scene.tell(unarchive()).events, [{ status: 'active' }])
  scene.tell(title('still there'))
  t.equal(scene.state.status, 'active', 'whatever else happens')
  const { events } = scene.tell(at(1_000, prompt('b')))
  t.ok(events.some(one => one.type === 'sandbox_requested'))
})

t.test('a participant is added once, with a role', async t => {
  const { scene } = given(create())
  const { reply, events } = scene.tell(invite('bob', { user: { userId: 'bob', name: 'Bob' } }))
  exactly(t, events, [{ type: 'participant_joined', userId: 'bob', role: 'member' }])
  const { participantId } = reply as { participantId: string }
  t.same(scene.tell(invite('bob')).events, [], 'what is not said stays')
  const promoted = scene.tell(invite('bob', { role: 'owner' }))
  exactly(t, promoted.events, [{ type: 'participant_updated', name: 'Bob', role: 'owner' }])
  t.same(promoted.reply, { ok: true, participantId })
  t.match(scene.state.participants[1], { userId: 'bob', name: 'Bob', role: 'owner' })
  scene.tell(wsToken('a', 'bob'))
  t.equal(scene.state.participants[1]?.role, 'owner', 'which a join does not take away')
})

t.test('deleted, a session is unknown to every command', async t => {
  const { scene } = given(...ready, prompt('a'), prompt('b'))
  const { events, record, reply } = scene.tell(at(5_000, remove({ clientRequestId: 'd1' })))
  exactly(t, events, [{ type: 'session_deleted', userId: 'ada', atMs: START_MS + 5_000 }])
  t.same(reply, { ok: true })
  t.equal(record.summary, null)
  t.same(record.timers, [])
  exactly(t, record.effects, [
    {
      job: 'destroy',
      host: 'host-a',
      payload: { generation: 1, objectId: 'object-1', reason: 'Session deleted' },
    },
  ])
  for (const told of [create(), prompt('c'), stop(), title('x'), remove(), connected(), exited()]) {
    const after = scene.tell(told)
    t.match(after, { events: [], recorded: false, reply: { code: 'SESSION_NOT_FOUND' } })
  }
  t.same(scene.tell(fires('execution', 7_200_000)).events, [])
  t.match(scene.tell(remove({ clientRequestId: 'd1' })).reply, { ok: true }, 'who heard no answer')
  const tombstone = scene.log.at(-1)
  t.ok(tombstone)
  if (tombstone) {
    t.strictSame(applyRecord(initialState, tombstone), scene.state, 'its record tells all of it')
  }
  t.equal(viewOf(scene.state).deleted, true)
  exactly(t, sandboxFrames(viewOf(scene.state), { ...events[0] } as never), [{ type: 'shutdown' }])
})

t.test('both sandboxes that are still known are destroyed; none where none was', async t => {
  const { record } = given(...ready, exited(true), at(1_000, prompt('a'))).when(remove())
  exactly(t, record.effects, [
    { job: 'destroy', host: 'host-a', payload: { generation: 1 } },
    { job: 'destroy', host: 'any', payload: { generation: 2 } },
  ])
})
