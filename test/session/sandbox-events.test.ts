import t from 'tap'
import { exactly, given, newsOf, type Scene, START_MS } from './scene.ts'
import { create, done, prompt, ready, says, writes } from './tales.ts'

const running = [...ready, prompt('a')]
const messageOf = (scene: Scene) => scene.state.running?.messageId ?? ''

t.test('a tool call keeps its place, and every version has a sequence', async t => {
  const { scene } = given(...running)
  const call = (status: string) =>
    says({ type: 'tool_call', tool: 'bash', callId: 'x', args: { command: 'ls' }, status })
  const eventId = `tool_call:${messageOf(scene)}:x`
  exactly(t, scene.tell(call('pending')).events, [{ eventId, sequence: 2, position: 2 }])
  scene.tell(says({ type: 'error', error: 'in between' }))
  exactly(t, scene.tell(call('completed')).events, [{ eventId, sequence: 4, position: 2 }])
  exactly(
    t,
    scene.tell(says({ type: 'tool_call', tool: 'bash', callId: 'y' })).events,
    [{ sequence: 5, position: 5 }],
    'another call stands elsewhere',
  )
  scene.tell(says(done()))
  scene.tell(prompt('b'))
  const messageId = eventId.split(':')[1] ?? ''
  const late = { type: 'tool_call', tool: 'bash', callId: 'x', messageId }
  exactly(t, scene.tell(says(late)).events, [{ eventId, position: 2 }], 'and when it is late')
})

t.test('text goes in before what follows it, in one place', async t => {
  const { scene } = given(...running)
  const messageId = messageOf(scene)
  const { events } = scene.tell(writes(messageId, 'Hel', { type: 'warning', message: 'w' }))
  exactly(t, events, [
    { eventId: `token:${messageId}`, sequence: 2, position: 2, event: { content: 'Hel' } },
    { event: { type: 'warning' }, sequence: 3, position: 3 },
  ])
  exactly(t, scene.tell(writes(messageId, 'Hello')).events, [
    { eventId: `token:${messageId}`, sequence: 4, position: 2, event: { type: 'token' } },
  ])
})

t.test('a compaction seals the text before it', async t => {
  const { scene } = given(...running)
  const messageId = messageOf(scene)
  scene.tell(writes(messageId, 'before', { type: 'context_compacted', messageId }))
  exactly(t, scene.tell(writes(messageId, 'after')).events, [
    { eventId: `token:${messageId}:1`, sequence: 4, position: 4 },
  ])
  exactly(t, scene.tell(writes(messageId, 'after all')).events, [
    { eventId: `token:${messageId}:1`, position: 4 },
  ])
})

t.test('what is not stored', async t => {
  given(...running)
    .when(
      says(
        { type: 'heartbeat' },
        { type: 'token', content: 'x' },
        { type: 'step_start' },
        { type: 'user_message', content: 'forged' },
        { type: 'tool_call', malformed: true },
      ),
    )
    .gives(t, [], 'heartbeat, text by itself, steps, a forged prompt, a malformed call')
})

t.test('cost', async t => {
  const costs = [0.25, -1, 0, Number.NaN, Number.POSITIVE_INFINITY, '3', undefined]
  const { scene } = given(...running)
    .when(says(...costs.map(cost => ({ type: 'step_finish', cost }))))
    .gives(t, [{ type: 'cost_added', cost: 0.25 }], 'only a positive finite number')
  t.equal(scene.state.totalCost, 0.25)
})

t.test('activity', async t => {
  const types = ['tool_call', 'step_start', 'step_finish', 'artifact']
  const event = (type: string) => ({ type, tool: 'x', callId: 'c', artifactType: 'pr' })
  for (const type of types) {
    const { events } = given(...ready, { command: stopNothing, atMs: 5 }).when(says(event(type)))
    t.match(events.at(-1), { type: 'sandbox_activity', atMs: START_MS + 5 }, type)
  }
  const { events } = given(...ready, { command: stopNothing, atMs: 5 }).when(
    says({ type: 'warning', message: 'w' }),
  )
  t.equal(events.length, 1, 'a warning is none')
  const burst = given(...ready, { command: stopNothing, atMs: 5 }).when(
    says(...Array.from({ length: 100 }, () => event('step_start'))),
  )
  t.equal(burst.events.length, 1, 'a burst is noted once')
})

const stopNothing = { v: 1, type: 'stop' } as const

t.test('completion', async t => {
  const { scene } = given(...running)
  const messageId = messageOf(scene)
  t.same(newsOf(scene.tell(says(done('another'))).events), [], 'of another prompt is no news')
  const { events } = scene.tell(
    says({ type: 'execution_complete', success: false, error: 'tests', ackId: 'k' }),
  )
  exactly(t, newsOf(events), [
    {
      type: 'timeline',
      eventId: `execution_complete:${messageId}`,
      event: { messageId, success: false, error: 'tests' },
    },
    { type: 'prompt_finished', messageId, success: false, error: 'tests' },
    { type: 'session_status_changed', status: 'failed' },
    { type: 'snapshot_started', reason: 'execution_complete' },
    { type: 'sandbox_status_changed', status: 'snapshotting' },
  ])
  t.same(newsOf(scene.tell(says(done(messageId))).events), [], 'it ends once')

  const good = given(...running, prompt('b')).when(says(done()))
  t.same(
    newsOf(good.events).map(one => one.type),
    ['timeline', 'prompt_finished', 'prompt_started', 'timeline'],
    'the session stays active while something waits',
  )
})

t.test('git sync', async t => {
  const { scene } = given(...ready)
    .when(says({ type: 'git_sync', status: 'completed', sha: 'abc' }))
    .gives(
      t,
      [
        { type: 'sandbox_git_sync', status: 'completed', sha: 'abc' },
        { type: 'session_sha_changed', sha: 'abc' },
        { type: 'timeline' },
      ],
      'both rows, and a line',
    )
  t.match(scene.state, { currentSha: 'abc', sandbox: { gitSyncStatus: 'completed' } })
})

t.test('artifact', async t => {
  const { events } = given(...running).when(
    says({ type: 'artifact', artifactType: 'screenshot', url: 'u', metadata: { a: 1 } }),
  )
  exactly(t, events, [
    {
      type: 'artifact_created',
      artifactId: /^[0-9a-f]{32}$/,
      artifactType: 'screenshot',
      url: 'u',
      metadata: { a: 1 },
    },
    { type: 'timeline', event: { type: 'artifact' } },
  ])
  const given_ = given(...running).when(
    says({ type: 'artifact', artifactType: 'x', artifactId: 'mine' }),
  )
  t.match(given_.events[0], { artifactId: 'mine' })
})

t.test('title', async t => {
  const title = says({ type: 'session_title', title: `  ${'x'.repeat(300)}` })
  const untitled = [create({ title: null }), ...ready.slice(1)]
  const { scene } = given(...untitled)
    .when(title)
    .gives(t, [{ type: 'session_title_changed', title: 'x'.repeat(200) }], 'if unset, no line')
  t.same(scene.tell(says({ type: 'session_title', title: 'again' })).events, [], 'only if unset')
  given(create({ title: 'mine' }), ...ready.slice(1))
    .when(title)
    .gives(t, [], 'mine stays')
  given(...untitled, prompt('Fix the tests'))
    .when(title)
    .gives(t, [{ type: 'session_title_changed' }], 'what was made of a prompt does not')
})

t.test('ready', async t => {
  const { scene } = given(...ready)
    .when(says({ type: 'ready', opencodeSessionId: 'o1', dedupes: true }))
    .gives(
      t,
      [{ type: 'sandbox_bridge_ready', agentSessionId: 'o1', dedupes: true }, { type: 'timeline' }],
      'stored, and remembered for the next sandbox',
    )
  t.match(scene.state, { agentSessionId: 'o1', sandbox: { dedupes: true } })
  given(...running)
    .when(says({ type: 'ready', opencodeSessionId: null }))
    .gives(
      t,
      [{ type: 'sandbox_bridge_ready' }, { type: 'timeline' }],
      'ends no run: whose bridge it is cannot be told',
    )
})

t.test('unknown types are kept as they are, without what delivery needed', async t => {
  const { events } = given(...running).when(
    says({ type: 'mystery', deep: { x: 1 }, timestamp: 5.5, ackId: 'k', run: 'r', seq: 1 }),
  )
  t.match(events[0], {
    type: 'timeline',
    eventId: /^[0-9a-f]{32}$/,
    event: { type: 'mystery', deep: { x: 1 }, timestamp: 5.5 },
  })
  t.notHas(events[0], { event: { ackId: 'k' } })
  t.notHas(events[0], { event: { run: 'r' } })
})
