/** The spawn decision (spec 4.6), each row with its exact boundary, and what follows from it. */
import t from 'tap'
import { spawnJob, stopJob } from '../../subjects/jobs.ts'
import { at, exactly, given, givenPolicy, POLICY, SID, START_MS } from './scene.ts'
import {
  connected,
  create,
  disconnected,
  exited,
  fires,
  prompt,
  ready,
  spawned,
  spawnFailed,
  warm,
} from './tales.ts'

const types = (events: readonly { type: string }[]) => events.map(one => one.type)
const SPAWN = ['sandbox_requested', 'sandbox_status_changed']

t.test('a new session warms a sandbox at once', async t => {
  const { record } = given()
    .when(create({ title: null }))
    .gives(
      t,
      [
        { type: 'session_created', sessionId: SID, baseBranch: 'main', title: null },
        { type: 'participant_joined', userId: 'ada', role: 'owner' },
        { type: 'sandbox_warming', atMs: START_MS },
        {
          type: 'sandbox_requested',
          generation: 1,
          sandboxId: `sandbox-acme-shop-${START_MS}-${SID.slice(0, 8)}`,
          tokenHash: 'hash-of-1',
          requestedAtMs: START_MS,
        },
        { type: 'sandbox_status_changed', status: 'spawning' },
      ],
      'ids and token hash are in the log before anybody is asked',
    )
  exactly(t, record.effects, [{ kind: 'sandbox_job', id: `${SID}.1.0`, job: 'spawn', host: 'any' }])
  t.strictSame(spawnJob.parse(record.effects[0]?.payload), {
    v: 1,
    sid: SID,
    generation: 1,
    sandboxId: `sandbox-acme-shop-${START_MS}-${SID.slice(0, 8)}`,
    repoOwner: 'acme',
    repoName: 'shop',
    baseBranch: 'main',
    model: 'anthropic/claude-haiku-4-5',
    agentSessionId: null,
    replaces: null,
  })
  exactly(t, record.timers, [
    { name: 'connect', atMs: START_MS + 240_000 },
    { name: 'draft', atMs: START_MS + 28_800_000 },
  ])
  given(create())
    .when(create({ title: 'other' }))
    .gives(t, [], 'the same id again is the same')
})

t.test('without a provider nothing is wanted', async t => {
  const { record } = givenPolicy({ ...POLICY, provider: 'none' }).when(create())
  t.same(types(record.events), ['session_created', 'participant_joined'])
  t.same(record.effects, [])
})

t.test('starting: one is enough', async t => {
  given(create()).when(at(239_999, warm())).gives(t, [], 'until the watchdog')
  given(create(), spawned()).when(at(100_000, warm())).gives(t, [], 'connecting too')
  const { events } = given(create()).when(at(240_000, prompt('a')))
  t.same(
    types(events).slice(2),
    ['sandbox_spawn_failed', 'sandbox_status_changed', 'sandbox_error', 'sandbox_shutdown'].concat(
      'sandbox_spawning',
      SPAWN,
    ),
    'what should have connected by now failed, even if its watchdog is late',
  )
})

t.test('connected: nothing to do', async t => {
  given(...ready)
    .when(at(700_000, warm()))
    .gives(t, [], 'warm already')
})

t.test('ready without a socket waits for the bridge to come back', async t => {
  const away = [...ready, at(10_000, disconnected())]
  const { events, scene } = given(...away).when(at(69_999, prompt('a')))
  t.same(
    types(events),
    ['prompt_queued', 'session_status_changed', 'sandbox_spawning'],
    'just within a minute of the closed socket',
  )
  t.equal(scene.due('retry'), 70_000)
  t.equal(types(scene.tell(connected('c2')).events).at(-2), 'prompt_started', 'it is back')

  const { record } = given(...away, at(69_999, prompt('a'))).when(fires('retry', 70_000))
  t.same(
    types(record.events),
    ['sandbox_status_changed', 'sandbox_shutdown', 'sandbox_spawning', ...SPAWN],
    'then it is replaced',
  )
  exactly(t, record.effects, [
    { job: 'stop', host: 'host-a', payload: { generation: 1, objectId: 'object-1' } },
    { job: 'spawn', host: 'any', payload: { generation: 2, replaces: { objectId: 'object-1' } } },
  ])
  stopJob.parse(record.effects[0]?.payload)
})

t.test('what runs keeps its sandbox, socket or not', async t => {
  given(...ready, prompt('a'), at(1_000, disconnected()))
    .when(at(80_000, warm()))
    .gives(t, [], 'typing replaces nothing that works')
})

t.test('the cooldown after a loss', async t => {
  const lost = [...ready, at(5_000, exited())]
  given(...lost)
    .when(at(29_999, warm()))
    .gives(t, [], 'half a minute since the last spawn')
  const { events } = given(...lost).when(at(30_000, warm()))
  t.same(types(events), ['sandbox_warming', ...SPAWN])
})

t.test('the cooldown is skipped after a failure, by a person who asks', async t => {
  const failed = [create(), at(1_000, spawnFailed(1, false))]
  const { events } = given(...failed).when(at(1_001, prompt('a')))
  t.same(types(events).slice(2), ['sandbox_spawning', ...SPAWN])

  const { scene } = given(create(), prompt('a')).when(at(1_000, spawnFailed(1, false)))
  t.equal(scene.state.sandbox.generation, 1, 'nobody asked just now: a refusal is no loop')
  t.equal(scene.due('retry'), 30_000)
  t.same(types(scene.tell(fires('retry', 30_000)).events), ['sandbox_spawning', ...SPAWN])
})

t.test('the cooldown is skipped after an orderly end', async t => {
  const { events } = given(...ready, at(5_000, exited(true))).when(at(5_001, prompt('a')))
  t.same(types(events).slice(2), ['sandbox_spawning', ...SPAWN])
})

/** Three failures that count, at 1, 2 and 3 seconds. */
const broken = () =>
  given(
    create(),
    at(1_000, spawnFailed(1)),
    at(1_001, prompt('p1')),
    at(2_000, spawnFailed(2)),
    at(2_001, prompt('p2')),
    at(3_000, spawnFailed(3)),
  ).scene

t.test('the breaker', async t => {
  const open = broken()
  t.equal(open.state.sandbox.generation, 3)
  exactly(t, open.state.spawnFailuresMs, [START_MS + 1_000, START_MS + 2_000, START_MS + 3_000])
  const { events } = open.tell(at(10_500, prompt('again')))
  exactly(
    t,
    events,
    [{ type: 'prompt_queued' }, { type: 'sandbox_error', error: /in 293 seconds$/ }],
    'says how long, rounded up',
  )
  t.equal(open.due('retry'), 303_000, 'and the queue tries by itself when it closes')
  t.same(open.tell(at(302_999, warm())).events, [], 'still open')
  t.same(types(open.tell(fires('retry', 303_000)).events), ['sandbox_spawning', ...SPAWN])
  open.tell(at(303_001, spawnFailed(4)))
  t.equal(open.due('retry'), 333_000, 'the window has passed: counting began again')
})

t.test('only failures that count open the breaker', async t => {
  const { scene } = given(create())
  for (const generation of [1, 2, 3, 4, 5]) {
    scene.tell(at(generation * 1_000, spawnFailed(generation, false)))
    scene.tell(at(generation * 1_000, prompt(`p${generation}`)))
  }
  t.equal(scene.state.sandbox.generation, 6)
})

t.test('a connection closes the breaker, a mere spawn does not', async t => {
  const { scene } = given(create(), at(1_000, spawnFailed(1)), at(1_001, prompt('a')))
  scene.tell(at(1_002, spawned(2)))
  t.equal(scene.state.spawnFailuresMs.length, 1)
  scene.tell(at(1_003, connected('c1', 2)))
  t.equal(scene.state.spawnFailuresMs.length, 0)
})

t.test('a bridge that never connects counts', async t => {
  const { scene } = given(create()).when(fires('connect', 240_000))
  t.equal(scene.state.spawnFailuresMs.length, 1)
})

t.test('warm', async t => {
  const stale = [...ready, at(5_000, exited())]
  const { scene } = given(...stale, at(40_000, warm()))
  t.equal(scene.state.sandbox.generation, 2)
  scene.tell(at(40_001, spawnFailed(2, false)))
  t.same(scene.tell(at(49_999, warm())).events, [], 'once in ten seconds')
  t.same(types(scene.tell(at(50_000, warm())).events), ['sandbox_warming', ...SPAWN])
})

t.test('the next sandbox inherits nothing but the agent’s session', async t => {
  const { scene } = given(
    ...ready,
    {
      v: 1,
      type: 'sandbox_events',
      generation: 1,
      events: [{ type: 'ready', opencodeSessionId: 'o1', run: 'r', seq: 1, ackId: 'k' }],
    },
    at(40_000, exited()),
  )
  const { record } = scene.tell(warm())
  exactly(t, record.effects, [{ payload: { agentSessionId: 'o1', generation: 2 } }])
  t.match(scene.state.sandbox, {
    generation: 2,
    objectId: null,
    host: 'any',
    connectionId: null,
    lastHeartbeatMs: null,
    runs: [],
    tokenHash: 'hash-of-2',
    previous: { generation: 1, objectId: 'object-1', host: 'host-a' },
  })
})
