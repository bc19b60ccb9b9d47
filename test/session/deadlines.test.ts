/** Every timeout of spec 4.5, at its exact boundary. */
import t from 'tap'
import { at, exactly, given, jobsOf, START_MS } from './scene.ts'
import {
  cancel,
  connected,
  create,
  disconnected,
  done,
  exited,
  fires,
  prompt,
  ready,
  says,
  snapshotSaved,
  spawned,
  stop,
} from './tales.ts'

const types = (events: readonly { type: string }[]) => events.map(one => one.type)
const beat = (atMs: number) => ({ lastHeartbeatMs: START_MS + atMs })

t.test('a deadline that was overtaken does nothing', async t => {
  const { scene } = given(...ready, prompt('a'))
  for (const [name, atMs] of [
    ['execution', 1],
    ['stop', 15_000],
    ['connect', 240_000],
    ['nonsense', 0],
  ] as const) {
    t.same(scene.tell(fires(name, atMs)).events, [], name)
  }
})

t.test('a deadline that fires a little early is due all the same', async t => {
  const { events } = given(...ready, prompt('a')).when(fires('execution', 7_200_000, 7_199_800))
  exactly(t, events.slice(1), [
    { type: 'prompt_finished', finishedAtMs: START_MS + 7_200_000 },
    { type: 'stop_requested' },
    { type: 'session_status_changed' },
  ])
})

t.test('connect', async t => {
  for (const history of [[create()], [create(), spawned()]]) {
    const { scene, record } = given(...history).when(fires('connect', 240_000))
    exactly(t, record.events, [
      { type: 'sandbox_spawn_failed', counts: true },
      { type: 'sandbox_status_changed', status: 'failed' },
      { type: 'sandbox_error', error: 'The sandbox did not connect within 240 seconds' },
      { type: 'sandbox_shutdown', reason: 'Sandbox terminated' },
    ])
    exactly(t, record.effects, [{ job: 'stop' }], 'it is not left running')
    t.equal(scene.state.spawnError, 'The sandbox did not connect within 240 seconds')
  }
  const { events } = given(create(), prompt('a')).when(fires('connect', 240_000))
  t.match(
    types(events).slice(4),
    ['sandbox_spawning', 'sandbox_requested'],
    'tried again by itself',
  )
  t.equal(given(...ready).scene.due('connect'), undefined)
})

t.test('execution', async t => {
  const { scene } = given(...ready, at(1_000, prompt('a')), prompt('b'))
  t.equal(scene.due('execution'), 7_201_000)
  exactly(t, scene.tell(fires('execution', 7_201_000)).events, [
    { type: 'timeline', event: { error: 'Execution timed out (stuck processing)' } },
    { type: 'prompt_finished', success: false, error: 'Execution timed out (stuck processing)' },
    { type: 'stop_requested', userId: null },
  ])
  t.equal(scene.due('stop'), 7_216_000, 'the sandbox is told, and has to confirm')
  scene.tell(says(done()))
  t.equal(scene.state.running?.content, 'b', 'then the queue goes on')
})

t.test('heartbeat', async t => {
  const { scene } = given(...ready, prompt('a'), prompt('b'))
  t.equal(scene.due('heartbeat'), 90_001, 'strictly more than 90 s after it connected')
  exactly(
    t,
    scene.tell(at(90_001, fires('heartbeat', 90_001).command, beat(1))).events,
    [{ type: 'sandbox_observed', lastHeartbeatMs: START_MS + 1 }],
    'exactly 90 s of silence is no death',
  )
  t.equal(scene.due('heartbeat'), 90_002)
  const { events, record } = scene.tell(at(90_002, fires('heartbeat', 90_002).command, beat(1)))
  exactly(t, events, [
    { type: 'timeline', event: { error: 'Execution timed out (stuck processing)' } },
    { type: 'prompt_finished', success: false },
    { type: 'sandbox_status_changed', status: 'stale', reason: 'Heartbeat stale' },
    { type: 'snapshot_started', reason: 'heartbeat_timeout' },
    { type: 'sandbox_ending', reason: 'Heartbeat stale' },
  ])
  t.same(jobsOf(record), ['snapshot'])
  const next = scene.tell(at(91_000, snapshotSaved('one')))
  exactly(t, next.events, [
    { type: 'snapshot_saved' },
    { type: 'sandbox_shutdown', reason: 'Heartbeat stale' },
    { type: 'sandbox_spawning' },
    { type: 'sandbox_requested', generation: 2, snapshotImageId: 'one' },
    { type: 'sandbox_status_changed', status: 'spawning' },
  ])
  t.same(jobsOf(next.record), ['stop', 'restore'])
})

t.test('nobody is declared dead because the owner changed', async t => {
  const { events } = given(...ready).when(
    at(90_001, fires('heartbeat', 90_001).command, { sinceMs: START_MS + 80_000 }),
  )
  exactly(t, events, [{ type: 'sandbox_observed', lastHeartbeatMs: START_MS + 80_000 }])
})

t.test('a sandbox that never connected has no heartbeat to miss', async t => {
  t.equal(given(create(), spawned()).scene.due('heartbeat'), undefined)
})

t.test('after a closed socket', async t => {
  const away = [...ready, at(50_000, disconnected())]
  const { scene } = given(...away)
  t.equal(scene.due('disconnect'), 140_000)
  exactly(t, scene.tell(at(140_000, fires('disconnect', 140_000).command, beat(50_000))).events, [
    { type: 'sandbox_observed' },
  ])
  t.equal(scene.due('disconnect'), undefined, 'it was looked at')
  t.equal(scene.due('heartbeat'), 140_001)
  const lost = given(...away).when(at(140_000, fires('disconnect', 140_000).command, beat(49_999)))
  t.match(lost.events[0], { type: 'sandbox_status_changed', status: 'stale' })
  t.equal(given(...away, connected('c2')).scene.due('disconnect'), undefined, 'it came back')
})

t.test('inactivity, with nobody there', async t => {
  const { scene } = given(...ready)
  t.equal(scene.due('inactivity'), 600_000)
  const { events, record } = scene.tell(fires('inactivity', 600_000))
  exactly(
    t,
    events,
    [
      { type: 'sandbox_status_changed', status: 'stopped', reason: 'Inactivity timeout' },
      { type: 'sandbox_shutdown', reason: 'Inactivity timeout' },
      { type: 'sandbox_warning', message: 'The sandbox was stopped for inactivity' },
    ],
    'stopped first, because that refuses a reconnect',
  )
  exactly(t, record.effects, [{ job: 'stop' }])
  t.equal(scene.state.spawnError, null, 'that is no error')
})

t.test('inactivity, while somebody watches', async t => {
  const { scene } = given(...ready)
  exactly(t, scene.tell(at(600_000, fires('inactivity', 600_000).command, { clients: 1 })).events, [
    { type: 'sandbox_warning', message: /in 5 minutes unless/ },
    { type: 'sandbox_observed', inactivityCheckMs: START_MS + 900_000 },
  ])
  t.equal(scene.due('inactivity'), 900_000)
  scene.tell(at(900_000, fires('inactivity', 900_000).command, { clients: 1 }))
  t.equal(scene.due('inactivity'), 1_200_000, 'again and again')
  scene.tell(at(1_000_000, says({ type: 'step_start' })))
  t.equal(scene.due('inactivity'), 1_600_000, 'unless something happens')
})

t.test('inactivity, when the owner does not know yet who is there', async t => {
  const { scene, events } = given(...ready).when(
    at(600_000, fires('inactivity', 600_000).command, { sinceMs: START_MS + 590_000 }),
  )
  exactly(t, events, [{ type: 'sandbox_observed' }])
  t.equal(scene.due('inactivity'), 620_000)
  const watching = { sinceMs: START_MS + 590_000 }
  const { events: ended } = scene.tell(at(620_000, fires('inactivity', 620_000).command, watching))
  t.match(ended[0], { status: 'stopped' }, 'half a minute is enough')
})

t.test('never inactive while there is work', async t => {
  t.equal(given(...ready, prompt('a')).scene.due('inactivity'), undefined, 'it runs')
  t.equal(given(...ready, prompt('a'), stop()).scene.due('inactivity'), undefined, 'it stops')
  t.equal(
    given(...ready, disconnected(), prompt('a')).scene.due('inactivity'),
    undefined,
    'it waits',
  )
  const { scene } = given(...ready, prompt('a'), at(900_000, says(done())))
  t.equal(scene.due('inactivity'), 1_500_000, 'counted from the end of the last')
})

t.test('delivery', async t => {
  const { scene } = given(...ready, prompt('a'))
  const messageId = scene.state.running?.messageId
  const dues = Array.from({ length: 7 }, (_, i) => {
    const due = scene.due('delivery')
    exactly(t, scene.tell(fires('delivery', due)).events, [
      { type: 'prompt_announced', messageId, attempt: i + 1 },
    ])
    return due
  })
  t.same(dues, [5_000, 15_000, 35_000, 75_000, 135_000, 195_000, 255_000], 'ever more seldom')
  scene.tell(at(260_000, disconnected()))
  t.equal(scene.due('delivery'), undefined, 'nobody is there to be told')
  scene.tell(at(261_000, connected('c2')))
  t.equal(scene.due('delivery'), 266_000, 'a new connection begins again')
})

t.test('a draft that never got a message is put away', async t => {
  const { scene } = given(...ready)
  t.equal(scene.due('draft'), 28_800_000)
  exactly(t, scene.tell(fires('draft', 28_800_000)).events, [
    { type: 'session_status_changed', status: 'archived' },
    { type: 'sandbox_status_changed', status: 'stopped' },
    { type: 'sandbox_shutdown' },
  ])
  t.equal(scene.due('draft'), undefined)
  t.equal(given(...ready, prompt('a')).scene.due('draft'), undefined, 'it has one')
  t.equal(given(...ready, prompt('a'), says(done())).scene.due('draft'), undefined, 'it had one')
  const { scene: emptied } = given(create(), prompt('a'))
  emptied.tell(cancel(emptied.state.queue[0]?.messageId ?? ''))
  t.equal(emptied.due('draft'), 28_800_000, 'the only one was taken back')
})

t.test('retry is gone when the work is', async t => {
  const { scene } = given(...ready, at(1_000, exited()), at(2_000, prompt('a')))
  t.equal(scene.due('retry'), 30_000)
  scene.tell(fires('retry', 30_000))
  t.equal(scene.due('retry'), undefined, 'one is starting: its watchdog takes over')
  t.equal(scene.due('connect'), 270_000)
})
