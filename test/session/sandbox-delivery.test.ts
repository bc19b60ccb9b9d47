import t from 'tap'
import { at, exactly, given, newsOf, type Scene } from './scene.ts'
import {
  connected,
  delivered,
  disconnected,
  done,
  prompt,
  ready,
  says,
  saysOf,
  snapshotFailed,
} from './tales.ts'

const running = [...ready, prompt('a')]
const messageOf = (scene: Scene) => scene.state.running?.messageId ?? ''
const lines = (events: readonly { type: string }[]) => events.filter(one => one.type === 'timeline')

t.test('a numbered event is taken in once', async t => {
  const said = (run: string, ...seqs: number[]) =>
    says(...seqs.map(seq => ({ type: 'warning', message: `${run}${seq}`, run, seq })))
  const { scene } = given(...ready)
  t.equal(lines(scene.tell(said('r', 1, 2, 3)).events).length, 3)
  t.same(scene.tell(said('r', 1, 2, 3)).events, [], 'sent again after a reconnect')
  exactly(
    t,
    lines(scene.tell(said('r', 2, 3, 4, 4)).events),
    [{ event: { message: 'r4' } }],
    'only what is new, once',
  )
  t.match(scene.tell(said('s', 1)).events.length, 2, 'another bridge counts from one')
  t.same(scene.tell(said('r', 4)).events, [], 'and the first is not forgotten')
  t.equal(lines(scene.tell(said('r', 9)).events).length, 1, 'a bridge may leave some out')
})

t.test('an event with an ackId is taken in once', async t => {
  const { scene } = given(...running)
  const end = { ...done(messageOf(scene)), ackId: 'execution_complete:1' }
  t.equal(lines(scene.tell(says(end)).events).length, 1)
  t.same(scene.tell(says(end)).events, [])
  t.match(scene.tell(says(end)).reply, { ok: true }, 'and acknowledged again')
})

t.test('a late end is remembered, so that it is not looked at again', async t => {
  const { scene } = given(...ready)
  exactly(t, scene.tell(says({ ...done('gone'), ackId: 'k' })).events, [
    { type: 'sandbox_progress', ackIds: ['k'] },
  ])
})

t.test('another generation', async t => {
  for (const generation of [0, 2]) {
    const { reply } = given(...running)
      .when(saysOf(generation, done()))
      .gives(t, [], 'is not heard')
    t.match(reply, { ok: false, code: 'SANDBOX_GONE' })
  }
})

t.test('ten thousand tool calls', async t => {
  const { scene } = given(...running)
  for (let batch = 0; batch < 10; batch++) {
    const calls = Array.from({ length: 1000 }, (_, n) => ({
      type: 'tool_call',
      tool: 'x',
      callId: `${batch}-${n}`,
    }))
    scene.tell(says(...calls))
  }
  t.equal(scene.state.sequence, 10_001)
  exactly(
    t,
    scene.tell(says({ type: 'tool_call', tool: 'x', callId: '0-0' })).events,
    [{ sequence: 10_002, position: 2 }],
    'the first still has its place',
  )
})

t.test('a program that loses its run with its socket', async t => {
  const plain = (messageId?: string) => ({
    ...{ type: 'execution_complete', success: true },
    ...(messageId && { messageId }),
  })
  const back = (scene: Scene, n: number) => {
    scene.tell(at(n * 1_000, disconnected(`c${n}`)))
    scene.tell(at(n * 1_000 + 500, connected(`c${n + 1}`)))
    return scene.tell(at(n * 1_000 + 600, says({ type: 'ready', opencodeSessionId: null })))
  }
  const { scene } = given(...ready, prompt('a'))
  scene.tell(delivered(messageOf(scene)))
  t.ok(back(scene, 1) && scene.state.running, 'it is not known yet: the watchdog has to end it')
  t.match(scene.tell(says(plain())).events, [{ type: 'sandbox_forgets', generation: 1 }])
  scene.tell(snapshotFailed())
  scene.tell(at(1_700, prompt('b')))
  const lost = messageOf(scene)
  t.same(newsOf(back(scene, 2).events).length, 2, 'it never got b: that is sent again')
  scene.tell(at(2_700, delivered(lost)))
  t.match(back(scene, 3).events, [
    { type: 'sandbox_bridge_ready' },
    { type: 'timeline', event: { error: 'The sandbox lost the run when its connection dropped' } },
    { type: 'prompt_finished', messageId: lost, success: false },
  ])

  const { scene: newer } = given(...ready, prompt('a'), says(done()), snapshotFailed(), prompt('b'))
  newer.tell(delivered(messageOf(newer)))
  back(newer, 1)
  t.ok(newer.state.running, 'every other program goes on running')
})
