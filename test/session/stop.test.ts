import t from 'tap'
import { at, exactly, given, newsOf, START_MS } from './scene.ts'
import {
  connected,
  create,
  disconnected,
  done,
  fires,
  prompt,
  ready,
  says,
  snapshotSaved,
  stop,
} from './tales.ts'

const running = [...ready, prompt('a'), prompt('b')]

t.test('stop fails what runs at once, and waits for the sandbox to let go', async t => {
  const { scene, events } = given(...running)
    .when(at(1_000, stop({ userId: 'bob' })))
    .gives(
      t,
      [
        { type: 'timeline', sequence: 2 },
        { type: 'prompt_finished', success: false, error: 'Execution was stopped' },
        { type: 'stop_requested', userId: 'bob', requestedAtMs: START_MS + 1_000 },
      ],
      'nothing is started yet',
    )
  const messageId = scene.state.stopping?.messageId
  t.match(events[0], {
    eventId: `execution_complete:${messageId}`,
    event: {
      type: 'execution_complete',
      messageId,
      success: false,
      error: 'Execution was stopped',
      timestamp: (START_MS + 1_000) / 1000,
    },
  })
  t.equal(scene.state.status, 'active', 'something still waits')
  t.equal(scene.due('stop'), 16_000)
})

t.test('the sandbox’s own end confirms, and the queue goes on', async t => {
  for (const end of ['named', 'unnamed']) {
    const { scene } = given(...running, stop())
    const messageId = scene.state.stopping?.messageId
    const { events } = scene.tell(says(done(end === 'named' ? messageId : undefined, true)))
    exactly(
      t,
      newsOf(events).map(one => one.type),
      ['stop_confirmed', 'prompt_started', 'timeline'],
      `${end}: the late word is not shown a second time`,
    )
    t.equal(scene.state.running?.content, 'b')
  }
})

t.test('somebody else’s end confirms nothing', async t => {
  const { scene } = given(...running, stop())
  t.same(newsOf(scene.tell(says(done('another'))).events), [])
  t.ok(scene.state.stopping)
})

t.test('no confirmation: the sandbox is ended, and the queue goes on with another', async t => {
  const { scene } = given(...running, at(1_000, stop()))
  t.same(scene.tell(fires('stop', 15_999)).events, [], 'not that deadline')
  const { events, record } = scene.tell(fires('stop', 16_000))
  exactly(
    t,
    events.map(one => one.type),
    ['stop_expired', 'sandbox_status_changed', 'snapshot_started', 'sandbox_ending'],
  )
  t.match(events[1], { status: 'stale', reason: 'Stop confirmation timed out' })
  const payload = { objectId: 'object-1' }
  exactly(t, record.effects, [{ job: 'snapshot', host: 'host-a', payload }])
  const { record: stopped } = scene.tell(at(17_000, snapshotSaved('one')))
  exactly(t, stopped.effects, [{ job: 'stop', host: 'host-a', payload }])
  t.equal(scene.due('retry'), 30_000, 'the cooldown of 30 s since the last spawn holds')
  exactly(
    t,
    scene.tell(fires('retry', 30_000)).events.map(one => one.type),
    ['sandbox_spawning', 'sandbox_requested', 'sandbox_status_changed'],
  )
})

t.test('nothing to stop is fine', async t => {
  for (const history of [[create()], [...ready], [...running, stop()]]) {
    const { reply } = given(...history)
      .when(stop())
      .gives(t, [], 'no event')
    t.same(reply, { ok: true })
  }
  const { reply } = given(...running)
    .when(stop({ messageId: 'another' }))
    .gives(t, [], 'only that one was meant')
  t.same(reply, { ok: true })
})

t.test('stop with the id of what runs', async t => {
  const { scene } = given(...running)
  const { events } = scene.tell(stop({ messageId: scene.state.running?.messageId ?? '' }))
  t.equal(events.length, 3)
})

t.test('the last one stopped leaves the session failed', async t => {
  const { scene } = given(...ready, prompt('a'), stop())
  t.equal(scene.state.status, 'failed')
  t.match(scene.tell(prompt('b')).reply, { ok: true }, 'which is idle, not closed')
  t.equal(scene.state.status, 'active')
})

t.test('a stop that a closed socket missed is told to the next one', async t => {
  const { scene } = given(...running, disconnected(), stop())
  t.same(scene.tell(connected('c2')).events.at(-1)?.type, 'sandbox_connected')
  t.ok(scene.state.stopping, 'and still has to be confirmed')
})

t.test('the same stop twice is one stop', async t => {
  const { scene } = given(...running, stop({ clientRequestId: 's1' }), says(done()))
  t.equal(scene.state.running?.content, 'b')
  const { events, reply } = scene.tell(stop({ clientRequestId: 's1' }))
  t.same(events, [], 'the next prompt is not hit by the repetition')
  t.same(reply, { ok: true })
  t.match(scene.tell(stop({ clientRequestId: 's1', userId: 'x' })).reply, {
    ok: false,
    code: 'REQUEST_CONFLICT',
  })
})

t.test(
  'a stop that hit nothing is remembered: its repetition must not hit the next prompt',
  async t => {
    const { scene } = given(...ready)
    const nothing = scene.tell(stop({ clientRequestId: 's1' }))
    t.same(nothing.events, [])
    t.match(nothing, { recorded: true, record: { events: [], reply: { ok: true } } })
    scene.tell(prompt('a'))
    t.match(scene.tell(stop({ clientRequestId: 's1' })), { events: [], recorded: false })
    t.equal(scene.state.running?.content, 'a')
    t.match(scene.tell(stop()), { recorded: true }, 'another stop does')
    t.match(scene.tell(stop()), { recorded: false }, 'without a name there is nothing to remember')
  },
)
