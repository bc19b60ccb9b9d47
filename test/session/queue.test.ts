import t from 'tap'
import {
  at,
  exactly,
  given,
  givenPolicy,
  POLICY,
  type Scene,
  START_MS,
  type Told,
} from './scene.ts'
import {
  cancel,
  connected,
  create,
  done,
  edit,
  exited,
  fires,
  hold,
  move,
  prompt,
  ready,
  release,
  says,
  spawned,
  stop,
  warm,
} from './tales.ts'

/** One runs, `a`, `b` and `c` wait. */
const busy: readonly Told[] = [...ready, prompt('x'), prompt('a'), prompt('b'), prompt('c')]
const waits = (scene: Scene) => scene.state.queue.map(one => one.content)
const idOf = (scene: Scene, content: string): string => {
  const { queue, running } = scene.state
  const found = [...queue, ...(running ? [running] : [])].find(one => one.content === content)
  return found?.messageId ?? 'nothing'
}

t.test('a prompt that waits is cancelled, and everybody sees by whom', async t => {
  const { scene } = given(...busy)
  const messageId = idOf(scene, 'b')
  const version = scene.state.queueVersion
  const { events, reply } = scene.tell(at(1_000, cancel(messageId, { userId: 'bob' })))
  exactly(t, events, [
    { type: 'prompt_cancelled', messageId, userId: 'bob', atMs: START_MS + 1_000 },
    { type: 'participant_joined', userId: 'bob' },
    {
      type: 'timeline',
      messageId,
      event: {
        type: 'queue_change',
        action: 'cancelled',
        messageId,
        by: { userId: 'bob', name: 'bob' },
        timestamp: (START_MS + 1_000) / 1000,
      },
    },
  ])
  t.same(reply, { ok: true, version: version + 1 })
  t.same(waits(scene), ['a', 'c'])
  t.equal(scene.state.messageCount, 3)
})

t.test('what cannot be cancelled', async t => {
  const refused = { ok: false, code: 'PROMPT_NOT_CANCELLABLE' }
  const { scene } = given(
    ...busy,
    prompt('slack', { source: 'slack' }),
    prompt('bot', { callbackContext: { channel: 'c' } }),
  )
  for (const id of ['nothing', idOf(scene, 'x'), idOf(scene, 'slack'), idOf(scene, 'bot')]) {
    const { events, reply } = scene.tell(cancel(id))
    t.match(reply, refused, id)
    t.same(events, [])
  }
  const id = idOf(scene, 'a')
  t.match(scene.tell(cancel(id)).reply, { ok: true })
  t.match(scene.tell(cancel(id)).reply, refused, 'once')
})

t.test('the only one cancelled: as at the beginning, or as the last one ended', async t => {
  const status = (...history: Told[]) => {
    const { scene } = given(...history, prompt('only'))
    t.equal(scene.state.status, 'active')
    scene.tell(cancel(idOf(scene, 'only')))
    return scene.state.status
  }
  t.equal(status(create()), 'created')
  t.equal(status(...ready, prompt('x'), says(done()), exited(true)), 'completed')
  t.equal(status(...ready, prompt('x'), says(done(undefined, false)), exited(true)), 'failed')
})

t.test('the same cancellation twice', async t => {
  const { scene } = given(...busy)
  const ask = cancel(idOf(scene, 'a'), { clientRequestId: 'q1' })
  const { reply } = scene.tell(ask)
  const again = scene.tell(ask)
  t.same(again.reply, reply)
  t.same(again.events, [])
})

t.test('a text is edited in its place', async t => {
  const { scene } = given(...busy)
  const messageId = idOf(scene, 'b')
  const seen = scene.state.queueVersion
  const { events, reply } = scene.tell(edit(messageId, 'B', seen))
  exactly(t, events, [
    { type: 'prompt_edited', messageId, content: 'B', userId: 'ada' },
    { type: 'timeline', event: { action: 'edited', by: { userId: 'ada', name: 'Ada' } } },
  ])
  t.same(reply, { ok: true, version: seen + 1 })
  t.same(waits(scene), ['a', 'B', 'c'])
  t.same(scene.tell(edit(messageId, 'B', seen + 1)).events, [], 'to the same: no change')
})

t.test('who has not seen the newest queue overwrites nothing', async t => {
  const { scene } = given(...busy)
  const [a, b] = [idOf(scene, 'a'), idOf(scene, 'b')]
  const seen = scene.state.queueVersion
  scene.tell(edit(a, 'first', seen))
  for (const late of [edit(a, 'second', seen), move(b, a, seen), edit(a, 'ahead', seen + 2)]) {
    const { events, reply } = scene.tell(late)
    t.same(events, [])
    t.match(reply, { ok: false, code: 'QUEUE_VERSION_CONFLICT', version: seen + 1 })
  }
  t.same(waits(scene), ['first', 'b', 'c'])
  t.match(scene.tell(edit(a, 'second', seen + 1)).reply, { ok: true }, 'having looked again')
})

t.test('a new prompt, a start and an end are news as well', async t => {
  for (const news of [prompt('d'), says(done()), stop(), hold()]) {
    const { scene } = given(...busy)
    const seen = scene.state.queueVersion
    const messageId = idOf(scene, 'c')
    scene.tell(news)
    t.match(scene.tell(edit(messageId, 'C', seen)).reply, { code: 'QUEUE_VERSION_CONFLICT' })
  }
})

t.test('the limits of a text are those of a prompt', async t => {
  const { scene } = given(...busy, prompt('', { attachments: [{ name: 'a.png' }] }))
  const edited = (id: string, text: string) =>
    scene.tell(edit(id, text, scene.state.queueVersion)).reply
  const a = idOf(scene, 'a')
  t.match(edited(a, 'x'.repeat(64_000)), { ok: true })
  t.match(edited(a, 'x'.repeat(64_001)), { code: 'INVALID_PROMPT' })
  t.match(edited(a, ' \n'), { code: 'INVALID_PROMPT' })
  t.match(edited(idOf(scene, ''), ' '), { ok: true }, 'with an attachment none is needed')
})

t.test('what runs, has run or never was is not edited', async t => {
  const { scene } = given(...busy)
  const version = scene.state.queueVersion
  for (const id of [idOf(scene, 'x'), 'nothing']) {
    t.match(scene.tell(edit(id, 'y', version)).reply, { code: 'PROMPT_NOT_EDITABLE' })
    t.match(scene.tell(move(id, null, version)).reply, { code: 'PROMPT_NOT_EDITABLE' })
  }
})

t.test('order', async t => {
  const moved = (what: string, before: string | null) => {
    const { scene } = given(...busy)
    const target = before && idOf(scene, before)
    const { events } = scene.tell(move(idOf(scene, what), target, scene.state.queueVersion))
    return [waits(scene).join(''), events.length]
  }
  t.same(moved('c', 'a'), ['cab', 2])
  t.same(moved('a', 'c'), ['bac', 2])
  t.same(moved('a', null), ['bca', 2])
  t.same(moved('c', 'b'), ['acb', 2])
  t.same(moved('b', 'c'), ['abc', 0], 'it stands there already')
  t.same(moved('c', null), ['abc', 0])
  t.same(moved('a', 'a'), ['abc', 0])
  const { scene } = given(...busy)
  const version = scene.state.queueVersion
  for (const before of ['nothing', idOf(scene, 'x')]) {
    t.match(scene.tell(move(idOf(scene, 'a'), before, version)).reply, { code: 'PROMPT_NOT_FOUND' })
  }
})

t.test('what was moved to the front and edited runs so', async t => {
  const { scene } = given(...busy)
  const c = idOf(scene, 'c')
  scene.tell(move(c, idOf(scene, 'a'), scene.state.queueVersion))
  scene.tell(edit(c, 'C', scene.state.queueVersion))
  scene.tell(says(done()))
  t.equal(scene.state.running?.content, 'C')
  t.same(waits(scene), ['a', 'b'])
})

t.test('a queue that is held starts nothing; what runs goes on', async t => {
  const { scene } = given(...busy)
  const { events, reply } = scene.tell(hold())
  exactly(t, events, [
    { type: 'queue_held', userId: 'ada' },
    { type: 'timeline', messageId: null, event: { type: 'queue_change', action: 'held' } },
  ])
  t.same(reply, { ok: true, version: scene.state.queueVersion })
  t.same(scene.tell(hold()).events, [], 'held already')
  t.equal(scene.state.running?.content, 'x')
  scene.tell(says(done()))
  t.equal(scene.state.running, null)
  t.equal(scene.state.status, 'active', 'something still waits')
  t.match(scene.tell(prompt('d')).reply, { ok: true, position: 4 }, 'and more may come')
  t.equal(scene.state.running, null)
  const released = scene.tell(release())
  exactly(
    t,
    released.events.map(one => one.type),
    ['queue_released', 'timeline', 'prompt_started', 'timeline'],
  )
  t.same(released.reply, { ok: true, version: scene.state.queueVersion }, 'with what it started')
  t.equal(scene.state.running?.content, 'a')
  t.same(scene.tell(release()).events, [])
})

t.test('a queue that is held wants no sandbox', async t => {
  const { scene } = given(create(), spawned(), at(0, exited(true)), hold())
  const types = (told: Told) => scene.tell(told).events.map(one => one.type)
  t.notOk(types(at(40_000, prompt('a'))).some(type => /sandbox/.test(type)))
  t.equal(scene.due('retry'), undefined)
  t.same(types(at(60_000, warm())), [], 'nor because somebody types')
  t.ok(types(release()).includes('sandbox_requested'))
})

t.test('a sandbox that nobody uses is stopped, though a held queue waits', async t => {
  const { scene } = given(...ready, hold(), prompt('a'))
  t.equal(scene.due('inactivity'), 600_000)
  const { events } = scene.tell(fires('inactivity', 600_000))
  t.match(events[0], { type: 'sandbox_status_changed', status: 'stopped' })
  t.equal(scene.state.queue.length, 1)
  t.equal(scene.due('retry'), undefined)
})

t.test('a sandbox that connects gets nothing from a held queue', async t => {
  const { scene } = given(create(), spawned(), prompt('a'), hold())
  scene.tell(connected())
  t.equal(scene.state.running, null)
  t.equal(scene.tell(release()).events.at(-2)?.type, 'prompt_started')
})

t.test('a full queue has room again when one is cancelled', async t => {
  const { scene } = givenPolicy(
    { ...POLICY, maxUnfinishedPrompts: 2 },
    ...ready,
    prompt('x'),
    prompt('a'),
  )
  t.match(scene.tell(prompt('b')).reply, { code: 'PROMPT_QUEUE_FULL' })
  scene.tell(cancel(idOf(scene, 'a')))
  t.match(scene.tell(prompt('b')).reply, { ok: true })
})
