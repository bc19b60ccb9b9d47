import t from 'tap'
import { startEdges } from '../fixtures/edges.ts'
import { type Frame, subscribe, type TestSocket } from '../fixtures/socket.ts'

const of =
  (type: string, fields: Record<string, unknown> = {}) =>
  (frame: Frame): boolean =>
    frame.type === type && Object.entries(fields).every(([name, value]) => frame[name] === value)

/** The answer to a request, whatever it is. */
const answer = (client: TestSocket, clientRequestId: string) =>
  client.until(
    frame =>
      frame.clientRequestId === clientRequestId &&
      ['prompt_queued', 'queue_changed', 'prompt_cancelled', 'error'].includes(frame.type),
  )
const ask = (client: TestSocket, frame: Frame) => {
  client.send(frame)
  return answer(client, frame.clientRequestId)
}
/** The queue as the socket was last told of it, once that is as new as `version`. */
const queueAt = async (client: TestSocket, version: number) => {
  const seen = await client.until(
    frame => frame.type === 'prompt_queue_updated' && frame.version >= version,
  )
  return { contents: seen.promptQueue.map((one: Frame) => one.content), held: seen.held }
}

type Test = { teardown(end: () => void | Promise<void>): unknown }

const setUp = async (t: Test, prompts: readonly string[]) => {
  const edges = await startEdges(t, { edges: 2 })
  const sid = await edges.createSession()
  const ada = await subscribe(t, edges.url(0), { sid, token: await edges.token(sid) })
  const bob = await subscribe(t, edges.url(1), { sid, token: await edges.token(sid, 'bob') })
  const ids: string[] = []
  for (const content of prompts) {
    const queued = await ask(ada, { type: 'prompt', content, clientRequestId: `q-${content}` })
    ids.push(queued.messageId)
  }
  const newest = async () => {
    const last = await ada.until(
      frame => frame.type === 'prompt_queue_updated' && frame.promptQueue.length === prompts.length,
    )
    return last.version as number
  }
  return { edges, sid, ada, bob, ids, version: await newest() }
}

t.test('two people over two edges, at the same moment', async t => {
  const { ada, bob, ids, version: first } = await setUp(t, ['a', 'b', 'c'])
  const [a = '', b = '', c = ''] = ids
  let version = first
  const changes: readonly ((who: string, version: number) => Frame)[] = [
    (who, version) => ({
      type: 'edit_prompt',
      messageId: a,
      content: `${who} says`,
      version,
      clientRequestId: `${who}-1`,
    }),
    (who, version) => ({
      type: 'move_prompt',
      messageId: c,
      before: who === 'ada' ? a : b,
      version,
      clientRequestId: `${who}-2`,
    }),
    (who, version) => ({
      type: who === 'ada' ? 'edit_prompt' : 'move_prompt',
      messageId: b,
      content: 'b by ada',
      // It stands last by now, so that to put it last would change nothing and win as well.
      before: a,
      version,
      clientRequestId: `${who}-3`,
    }),
  ]
  for (const change of changes) {
    const seen = version
    const answers = await Promise.all([
      ask(ada, change('ada', seen)),
      ask(bob, change('bob', seen)),
    ])
    const won = answers.filter(({ type }) => type === 'queue_changed')
    const lost = answers.filter(({ type }) => type === 'error')
    t.equal(won.length, 1, 'one of them wins')
    t.match(lost, [{ code: 'QUEUE_VERSION_CONFLICT', version: Number, clientRequestId: /-/ }])
    version = won[0]?.version
    t.ok(version > seen, 'the version grows')
    t.ok(lost[0]?.version >= version, 'the loser learns the version that there is now')
    t.strictSame(await queueAt(ada, version), await queueAt(bob, version), 'both see the same')
  }
})

t.test('editing, moving, removing, holding', async t => {
  const { edges, sid, ada, bob, ids, version } = await setUp(t, ['a', 'b', 'c'])
  const [a = '', b = '', c = ''] = ids

  const edited = await ask(ada, {
    type: 'edit_prompt',
    messageId: b,
    content: 'b2',
    version,
    clientRequestId: 'edit',
  })
  t.match(edited, { type: 'queue_changed' })
  t.strictSame((await queueAt(bob, edited.version)).contents, ['a', 'b2', 'c'])

  const again = await ask(ada, {
    type: 'edit_prompt',
    messageId: b,
    content: 'b2',
    version,
    clientRequestId: 'edit',
  })
  t.match(again, { type: 'queue_changed' }, 'the same request again is no conflict with itself')

  const moved = await ask(bob, {
    type: 'move_prompt',
    messageId: c,
    before: a,
    version: edited.version,
    clientRequestId: 'move',
  })
  t.strictSame((await queueAt(ada, moved.version)).contents, ['c', 'a', 'b2'])

  const removed = await ask(bob, { type: 'cancel_prompt', messageId: a, clientRequestId: 'cut' })
  t.match(removed, { type: 'prompt_cancelled', messageId: a })
  const seen = await ada.until(
    frame => frame.type === 'prompt_queue_updated' && frame.promptQueue.length === 2,
    ada.frames.findIndex(of('queue_changed', { clientRequestId: 'edit' })),
  )
  t.strictSame(
    seen.promptQueue.map((one: Frame) => one.content),
    ['c', 'b2'],
  )

  const held = await ask(ada, { type: 'hold_queue', clientRequestId: 'hold' })
  t.equal((await queueAt(bob, held.version)).held, true)
  const sandbox = await edges.sandbox(t, sid)
  const more = await ask(ada, { type: 'prompt', content: 'd', clientRequestId: 'd' })
  t.match(more, { type: 'prompt_queued', position: 3 })
  const late = await subscribe(t, edges.url(1), { sid, token: await edges.token(sid) })
  t.match(late.subscribed, { held: true, version: Number })
  t.match(await ask(bob, { type: 'release_queue', clientRequestId: 'go' }), {
    type: 'queue_changed',
  })
  t.match(await sandbox.until('prompt'), { messageId: c, content: 'c' })
  await ada.until(of('processing_status', { isProcessing: true }))
  const first = (fits: (frame: Frame) => boolean) => ada.frames.findIndex(fits)
  t.ok(
    first(of('processing_status')) >
      first(frame => frame.event?.type === 'queue_change' && frame.event.action === 'released'),
    'nothing starts while it is held',
  )

  t.comment('what has started is not changed any more')
  const before = bob.frames.filter(of('prompt_queue_updated')).at(-1)?.version
  const refused = (frame: Frame, code: string) => ask(bob, frame).then(e => t.match(e, { code }))
  const about = { messageId: c, version: before, clientRequestId: 'late-edit' }
  await refused({ type: 'edit_prompt', content: 'x', ...about }, 'PROMPT_NOT_EDITABLE')
  await refused(
    { type: 'cancel_prompt', messageId: c, clientRequestId: 'late-cut' },
    'PROMPT_NOT_CANCELLABLE',
  )

  t.comment('every change is in the history, with who made it')
  const lines = ada.frames.filter(
    frame => frame.type === 'sandbox_event' && frame.event.type === 'queue_change',
  )
  t.match(
    lines.map(({ event }) => [event.action, event.by.userId]),
    [
      ['edited', 'alice'],
      ['moved', 'bob'],
      ['cancelled', 'bob'],
      ['held', 'alice'],
      ['released', 'bob'],
    ],
  )
})

t.test('what cannot be read is refused by name, and the socket stays', async t => {
  const { ada, ids, version } = await setUp(t, ['a'])
  const [a = ''] = ids
  const wrong: readonly (readonly [Frame, object])[] = [
    [{ type: 'cancel_prompt', clientRequestId: 'w1' }, { code: 'INVALID_MESSAGE' }],
    [
      { type: 'edit_prompt', messageId: a, content: 'x', clientRequestId: 'w2' },
      { code: 'INVALID_MESSAGE' },
    ],
    [
      { type: 'edit_prompt', messageId: a, content: ' ', version, clientRequestId: 'w3' },
      { code: 'INVALID_PROMPT' },
    ],
    [
      {
        type: 'edit_prompt',
        messageId: a,
        content: 'x'.repeat(300_000),
        version,
        clientRequestId: 'w4',
      },
      { code: 'INVALID_PROMPT' },
    ],
    [
      { type: 'cancel_prompt', messageId: 'nobody', clientRequestId: 'w5' },
      { code: 'PROMPT_NOT_CANCELLABLE' },
    ],
  ]
  for (const [frame, expected] of wrong) t.match(await ask(ada, frame), expected)
  t.match(await ask(ada, { type: 'cancel_prompt', messageId: a, clientRequestId: 'ok' }), {
    type: 'prompt_cancelled',
  })
})
