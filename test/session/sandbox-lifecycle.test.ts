import t from 'tap'
import { at, exactly, given, START_MS } from './scene.ts'
import {
  connected,
  create,
  delivered,
  disconnected,
  exited,
  fires,
  prompt,
  ready,
  spawned,
  spawnFailed,
  stop,
} from './tales.ts'

const types = (events: readonly { type: string }[]) => events.map(one => one.type)

t.test('accepted by the provider', async t => {
  const { scene } = given(create())
    .when(spawned(1, { warning: 'nothing isolates it' }))
    .gives(
      t,
      [
        { type: 'sandbox_spawned', generation: 1, objectId: 'object-1', host: 'host-a' },
        { type: 'sandbox_warning', message: 'nothing isolates it' },
        { type: 'timeline', event: { type: 'warning', message: 'nothing isolates it' } },
        { type: 'sandbox_status_changed', status: 'connecting' },
      ],
      'and people are warned',
    )
  t.same(scene.tell(spawned()).events, [], 'said twice is said once')
})

t.test('a bridge that connects before its provider answers stays ready', async t => {
  const { scene } = given(create(), connected())
    .when(spawned())
    .gives(t, [{ type: 'sandbox_spawned' }], 'only its name is noted')
  t.equal(scene.state.sandbox.status, 'ready')
  const { events } = given(create(), connected()).when(spawned(1, { warning: 'w' }))
  t.same(types(events), ['sandbox_spawned', 'sandbox_warning', 'timeline'], 'people are warned')
})

t.test('a sandbox that was given up is ended once it can be named', async t => {
  const { record } = given(create(), connected(), fires('inactivity', 600_000)).when(spawned())
  exactly(t, record.events, [
    { type: 'sandbox_spawned', generation: 1 },
    { type: 'sandbox_shutdown', generation: 1 },
  ])
  exactly(t, record.effects, [{ job: 'stop', host: 'host-a', payload: { objectId: 'object-1' } }])

  const replaced = given(create(), at(1, spawnFailed(1, false)), at(2, prompt('a')))
  t.equal(replaced.scene.state.sandbox.generation, 2)
  const late = replaced.when(spawned(1))
  exactly(t, late.record.effects, [
    { job: 'stop', payload: { generation: 1, objectId: 'object-1' } },
  ])
  t.equal(late.scene.state.sandbox.objectId, null, 'the present one is another')
  t.same(late.scene.tell(spawned(1)).events, [], 'once')
})

t.test('a failure of the provider', async t => {
  const { scene } = given(create())
    .when(spawnFailed())
    .gives(
      t,
      [
        { type: 'sandbox_spawn_failed', error: 'no room', counts: true, failedAtMs: START_MS },
        { type: 'sandbox_status_changed', status: 'failed', reason: 'no room' },
        { type: 'sandbox_error', error: 'no room' },
      ],
      'is said, and kept for those who come later',
    )
  t.equal(scene.state.spawnError, 'no room')
  t.same(scene.tell(spawnFailed()).events, [], 'once')
  given(create(), connected()).when(spawnFailed()).gives(t, [], 'a connected bridge is believed')
})

t.test('connected', async t => {
  const { scene } = given(create(), spawned(), at(1_000, fires('connect', 240_000).command))
  t.equal(scene.state.sandbox.status, 'failed')
  scene.tell(at(2_000, connected()))
  t.match(
    scene.state,
    { spawnError: null, spawnFailuresMs: [], sandbox: { status: 'ready', connectionId: 'c1' } },
    'a slow boot heals itself, and the error is gone',
  )
  exactly(
    t,
    scene.tell(at(3_000, connected('c2'))).events,
    [{ type: 'sandbox_connected', connectionId: 'c2', connectedAtMs: START_MS + 3_000 }],
    'a newer socket replaces the older one',
  )
  t.same(scene.tell(connected('c2')).events, [], 'said twice is said once')
  t.match(scene.state.sandbox, {
    lastHeartbeatMs: START_MS + 3_000,
    lastActivityMs: START_MS + 3_000,
  })
})

t.test('the announcement of a socket that is over comes too late', async t => {
  const gone = { ok: false, code: 'SANDBOX_GONE' }
  const replaced = given(...ready, connected('c2')).when(connected('c1'))
  t.match(replaced.gives(t, [], 'its successor stays').reply, gone)
  const closed = given(...ready, disconnected('c1')).when(connected('c1'))
  t.match(closed.gives(t, [], 'nobody is behind it').reply, gone)
})

t.test('who may not connect', async t => {
  const gone = { ok: false, code: 'SANDBOX_GONE' }
  const stale = given(...ready, exited())
    .when(connected('c2'))
    .gives(t, [], 'a lost one')
  t.match(stale.reply, gone)
  const stopped = given(...ready, exited(true))
    .when(connected('c2'))
    .gives(t, [], 'a stopped one')
  t.match(stopped.reply, gone)
  const old = given(...ready)
    .when(connected('c2', 2))
    .gives(t, [], 'another generation')
  t.match(old.reply, gone)
})

t.test('a closed socket says nothing about the sandbox', async t => {
  const { scene } = given(...ready, prompt('a'))
    .when(at(1_000, disconnected()))
    .gives(
      t,
      [{ type: 'sandbox_disconnected', connectionId: 'c1', atMs: START_MS + 1_000 }],
      'its status stays, and its prompt runs on',
    )
  t.equal(scene.state.sandbox.status, 'ready')
  t.equal(scene.state.running?.content, 'a')
  t.equal(scene.due('disconnect'), 91_000)
  t.same(scene.tell(disconnected()).events, [], 'once')
  given(...ready, connected('c2'))
    .when(disconnected('c1'))
    .gives(t, [], 'a replaced one is no news')
})

t.test('delivery', async t => {
  const { scene } = given(...ready, at(1_000, prompt('a')))
  const messageId = scene.state.running?.messageId ?? ''
  t.equal(scene.due('delivery'), 6_000)
  t.same(scene.tell(delivered('another')).events, [])
  t.same(scene.tell(delivered(messageId, 2)).events, [])
  exactly(t, scene.tell(delivered(messageId)).events, [{ type: 'prompt_delivered', messageId }])
  t.same(scene.tell(delivered(messageId)).events, [], 'once')
  t.equal(scene.due('delivery'), undefined)
})

t.test('a crash', async t => {
  const { scene } = given(...ready, prompt('a'), prompt('b'))
    .when(at(40_000, exited()))
    .gives(
      t,
      [
        { type: 'timeline', event: { type: 'execution_complete', error: 'exit code 1' } },
        { type: 'prompt_finished', success: false, error: 'exit code 1' },
        { type: 'sandbox_status_changed', status: 'stale', reason: 'exit code 1' },
        { type: 'sandbox_warning' },
        { type: 'sandbox_spawning' },
        { type: 'sandbox_requested', generation: 2 },
        { type: 'sandbox_status_changed', status: 'spawning' },
      ],
      'fails what ran with the reason, and the queue goes on with another',
    )
  t.equal(scene.state.spawnError, 'exit code 1')
  t.equal(scene.state.queue[0]?.content, 'b')
  t.same(scene.tell(exited()).events, [], 'an old one’s end is no news')
})

t.test('a crash before it ever connected is a failed start, and counts', async t => {
  const { scene } = given(create(), spawned())
    .when(exited())
    .gives(
      t,
      [
        { type: 'sandbox_spawn_failed', counts: true, error: 'exit code 1' },
        { type: 'sandbox_status_changed', status: 'failed' },
        { type: 'sandbox_error' },
      ],
      'people see why',
    )
  t.same(scene.tell(exited()).events, [])
})

t.test('an orderly end', async t => {
  given(...ready, prompt('a'))
    .when(exited(true))
    .gives(
      t,
      [
        { type: 'timeline' },
        { type: 'prompt_finished', success: false, error: 'exit code 1' },
        { type: 'sandbox_status_changed', status: 'stopped', reason: 'exit code 1' },
        { type: 'session_status_changed', status: 'failed' },
      ],
      'fails what ran, too',
    )
})

t.test('the end of a sandbox is the end of a stop', async t => {
  const { events, scene } = given(...ready, prompt('a'), prompt('b'), stop()).when(
    at(40_000, exited()),
  )
  t.equal(types(events)[0], 'stop_confirmed')
  t.equal(scene.state.stopping, null)
  t.equal(scene.state.sandbox.generation, 2)
})
