import t from 'tap'
import { exactly, given, givenPolicy, POLICY, START_MS } from './scene.ts'
import { connected, create, done, prompt, ready, says, spawned, title } from './tales.ts'

const NONE = { ...POLICY, provider: 'none' } as const

t.test('a prompt for a session that does not exist', async t => {
  const { reply } = given().when(prompt('a')).gives(t, [], 'creates nothing')
  t.match(reply, { ok: false, code: 'SESSION_NOT_FOUND' })
})

t.test('the queue', async t => {
  const first = given(create())
    .when(prompt('a'))
    .gives(
      t,
      [
        { type: 'prompt_queued', content: 'a', source: 'web', model: null, queuedAtMs: START_MS },
        { type: 'session_status_changed', status: 'active' },
        { type: 'sandbox_spawning' },
      ],
      'a prompt waits for the sandbox that is starting; no line before it starts',
    )
  t.match(first.reply, { ok: true, position: 1, messageId: /^[0-9a-f]{32}$/ })
  t.equal(first.scene.state.messageCount, 1)

  const second = given(create(), prompt('a')).when(prompt('b'))
  t.match(second.reply, { position: 2 }, 'the position counts what is unfinished')

  const third = given(...ready, prompt('a'), prompt('b')).when(prompt('c'))
  t.match(third.reply, { position: 3 }, 'the one that runs counts too')
  t.same(
    third.events.map(one => one.type),
    ['prompt_queued'],
    'one runs at a time',
  )
})

t.test('starting', async t => {
  const { record } = given(create({ reasoningEffort: 'high' }), prompt('a', { model: 'x/y' }))
    .when(connected())
    .gives(
      t,
      [
        { type: 'sandbox_connected', connectionId: 'c1' },
        { type: 'sandbox_status_changed', status: 'ready' },
        {
          type: 'prompt_started',
          content: 'a',
          model: 'x/y',
          reasoningEffort: 'high',
          generation: 1,
          startedAtMs: START_MS,
        },
        { type: 'timeline', sequence: 1, position: 1 },
      ],
      'what waits starts when the sandbox connects, with its model and the session’s effort',
    )
  const line = record.events.at(-1)
  t.match(line, {
    eventId: /^user_message:[0-9a-f]{32}$/,
    event: {
      type: 'user_message',
      content: 'a',
      timestamp: START_MS / 1000,
      author: { userId: 'ada', name: 'Ada', avatar: 'https://github.com/ada-l.png' },
    },
  })

  given(...ready)
    .when(prompt('a'))
    .gives(
      t,
      [
        { type: 'prompt_queued' },
        { type: 'session_status_changed', status: 'active' },
        { type: 'prompt_started', content: 'a', model: 'anthropic/claude-haiku-4-5' },
        { type: 'timeline' },
      ],
      'on a connected sandbox it starts at once',
    )
})

t.test('order', async t => {
  const { scene } = given(...ready, prompt('a'), prompt('b'), prompt('c'))
  const started = Array.from({ length: 3 }, () => {
    const content = scene.state.running?.content
    scene.tell(says(done()))
    return content
  })
  t.same(started, ['a', 'b', 'c'], 'first in, first out')
  t.equal(scene.state.running, null)
})

t.test('who writes', async t => {
  given(create())
    .when(prompt('a', { authorId: 'bob', author: { name: 'Bob' } }))
    .gives(
      t,
      [
        { type: 'participant_joined', userId: 'bob', name: 'Bob', login: null, role: 'member' },
        { type: 'prompt_queued' },
        { type: 'session_status_changed' },
        { type: 'sandbox_spawning' },
      ],
      'an unknown author joins',
    )
  given(create())
    .when(prompt('a', { author: { name: 'Ada L.' } }))
    .gives(
      t,
      [
        { type: 'participant_updated', userId: 'ada', name: 'Ada L.', login: 'ada-l' },
        { type: 'prompt_queued' },
        { type: 'session_status_changed' },
        { type: 'sandbox_spawning' },
      ],
      'what is newly known of a known one is kept, the rest stays',
    )
})

t.test('limits', async t => {
  const refusal = (content: string, attachments?: { name: string }[]) =>
    given(create()).when(prompt(content, attachments && { attachments })).reply
  t.match(refusal(' \n'), { code: 'INVALID_PROMPT' }, 'blank')
  t.match(refusal('', [{ name: 'a.png' }]), { ok: true }, 'blank, with an attachment')
  t.match(refusal('x'.repeat(64_001)), { code: 'INVALID_PROMPT' }, 'one character too long')
  t.match(refusal('x'.repeat(64_000)), { ok: true }, 'as long as it may be')

  const ten = [create(), ...Array.from({ length: 10 }, (_, i) => prompt(`p${i}`))]
  const { reply } = given(...ten)
    .when(prompt('eleventh', { clientRequestId: 'r11' }))
    .gives(
      t,
      [{ type: 'prompt_refused', clientRequestId: 'r11', code: 'PROMPT_QUEUE_FULL' }],
      'the eleventh unfinished prompt is refused, and people can see it',
    )
  t.match(reply, { ok: false, code: 'PROMPT_QUEUE_FULL' })
  t.match(given(...ten, connected(), says(done())).when(prompt('again')).reply, { ok: true })
  t.match(
    given(...ten, connected()).when(prompt('again')).reply,
    { code: 'PROMPT_QUEUE_FULL' },
    'the one that runs is unfinished too',
  )
})

t.test('the same request twice', async t => {
  const ask = prompt('a', { clientRequestId: 'r1' })
  const scene = given(create()).when(ask).scene
  const { reply } = scene.tell(prompt('b'))
  t.match(reply, { position: 2 })
  const again = scene.tell(ask)
  t.same(again.events, [], 'no second prompt')
  t.match(again.reply, { ok: true, position: 1, messageId: scene.state.queue[0]?.messageId })

  const other = scene.tell(prompt('c', { clientRequestId: 'r1' }))
  t.match(other.reply, { ok: false, code: 'PROMPT_REQUEST_CONFLICT' })
  exactly(t, other.events, [{ type: 'prompt_refused', code: 'PROMPT_REQUEST_CONFLICT' }])
  t.match(
    scene.tell(prompt('a', { clientRequestId: 'r1', authorId: 'bob' })).reply,
    { code: 'PROMPT_REQUEST_CONFLICT' },
    'somebody else’s is another request',
  )

  scene.tell(connected())
  scene.tell(says(done()))
  t.match(scene.tell(ask).reply, { ok: true, position: null }, 'over: it has no place any more')
})

t.test('a refused request may be tried again', async t => {
  const scene = given(create()).when(prompt(' ', { clientRequestId: 'r1' })).scene
  t.match(scene.tell(prompt('now', { clientRequestId: 'r1' })).reply, { ok: true })
})

t.test('foreign request ids are only names', async t => {
  for (const clientRequestId of ['__proto__', 'constructor', 'toString']) {
    const scene = given(create()).when(prompt('a', { clientRequestId })).scene
    t.equal(scene.state.queue.length, 1, clientRequestId)
    scene.tell(prompt('a', { clientRequestId }))
    t.equal(scene.state.queue.length, 1, `${clientRequestId} again`)
    scene.state = JSON.parse(JSON.stringify(scene.state))
    scene.tell(prompt('a', { clientRequestId }))
    t.equal(scene.state.queue.length, 1, `${clientRequestId} after a saved state`)
  }
})

t.test('without a provider', async t => {
  givenPolicy(NONE, create())
    .when(prompt('a'))
    .gives(
      t,
      [
        { type: 'prompt_queued' },
        { type: 'session_status_changed' },
        {
          type: 'sandbox_warning',
          message: 'No sandbox provider is configured, so the prompt waits',
        },
      ],
      'the first prompt says so',
    )
  givenPolicy(NONE, create(), prompt('a'))
    .when(prompt('b'))
    .gives(t, [{ type: 'prompt_queued' }], 'once')
})

t.test('ids are derived from the command', async t => {
  const one = given(create()).when(prompt('a'))
  const two = given(create()).when(prompt('a'))
  t.strictSame(one.record, two.record, 'deciding again gives the same record')
  const three = given(create(), spawned()).when(prompt('a'))
  t.notSame(one.reply, three.reply, 'another command gives another id')
})

t.test('the first prompt names a session that has no name', async t => {
  const titleOf = (content: string) =>
    given(create({ title: null })).when(prompt(content)).scene.state.title
  t.equal(titleOf('\n  Fix the tests  \nplease'), 'Fix the tests')
  t.equal(titleOf(`${'word '.repeat(15)}and so on`), `${'word '.repeat(15)}and…`, 'whole words')
  t.equal(titleOf('x'.repeat(80)), 'x'.repeat(80))
  t.equal(titleOf('x'.repeat(81)), `${'x'.repeat(79)}…`)
  t.ok(titleOf('😀'.repeat(60))?.isWellFormed(), 'no half characters')
  const { scene } = given(create({ title: null }), prompt('one'), prompt('two'))
  t.equal(scene.state.title, 'one')
  t.equal(scene.state.titleIsProvisional, true)
  t.match(scene.tell(title('one')).events, [{ type: 'session_title_changed' }], 'a person says so')
  t.equal(scene.state.titleIsProvisional, false)
})
