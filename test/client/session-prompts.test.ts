import t from 'tap'
import { setUp } from './session-scene.ts'

t.test('prompts', async t => {
  t.test('wait for a connection, and are sent in order, one at a time', async t => {
    const { edge, session, until } = await setUp(t)
    const a = session.prompt('first')
    const b = session.prompt('second')
    const peer = await edge.next()
    await peer.welcome(0, 0)
    t.match(await peer.take('prompt'), { clientRequestId: a, content: 'first' })
    t.strictSame(peer.left('prompt'), [])
    peer.send({ type: 'prompt_queued', clientRequestId: a, messageId: 'm', position: 1 })
    t.match(await peer.take('prompt'), { clientRequestId: b })
    peer.send({ type: 'prompt_queued', clientRequestId: b, messageId: 'n', position: 2 })
    await until(s => s.outbox.length === 0)
  })

  t.test('are sent again over the next socket until they are answered', async t => {
    const { edge, clock, session, state, until } = await setUp(t)
    const first = await edge.next()
    await first.welcome(0, 0)
    await state('live')
    const id = session.prompt('once')
    t.match(await first.take('prompt'), { clientRequestId: id })
    first.socket.terminate()
    await state('waiting')
    clock.pass(300)
    const second = await edge.next()
    await second.welcome(0, 0)
    t.match(await second.take('prompt'), { clientRequestId: id, content: 'once' })
    second.send({ type: 'prompt_queued', clientRequestId: id, messageId: 'm', position: 1 })
    await until(s => s.outbox.length === 0)
  })

  t.test('that no frame can hold are refused here, and hold up no other', async t => {
    const { edge, session, state } = await setUp(t)
    const peer = await edge.next()
    await peer.welcome(0, 0)
    await state('live')
    const long = session.prompt('é'.repeat(600_000))
    const short = session.prompt('short')
    t.match(await peer.take('prompt'), { clientRequestId: short })
    t.match(session.outbox, [
      { clientRequestId: long, refusal: { code: 'PAYLOAD_TOO_LARGE', message: /1048576 bytes/ } },
      { clientRequestId: short, refusal: null },
    ])
    const edit = session.editPrompt('m', 'x'.repeat(1_100_000), 1)
    await t.rejects(edit, { cause: { code: 'PAYLOAD_TOO_LARGE' } })
    t.strictSame(peer.left('edit_prompt'), [])
  })

  t.test('are sent again when the answer does not come', async t => {
    const { edge, clock, session, state } = await setUp(t)
    const peer = await edge.next()
    await peer.welcome(0, 0)
    await state('live')
    const id = session.prompt('once')
    await peer.take('prompt')
    clock.pass(20_000)
    t.match(await peer.take('prompt'), { clientRequestId: id })
  })

  t.test('stay on their way when the system is busy, and before those typed later', async t => {
    const { edge, clock, session, state } = await setUp(t)
    const peer = await edge.next()
    await peer.welcome(0, 0)
    await state('live')
    const id = session.prompt('first')
    session.prompt('second')
    await peer.take('prompt')
    peer.send({ type: 'error', code: 'STREAM_FULL', message: 'full', clientRequestId: id })
    await clock.planned(2_000)
    clock.pass(2_000)
    t.match(await peer.take('prompt'), { clientRequestId: id, content: 'first' })
  })

  t.test('that are refused are kept, said why, and can be sent again', async t => {
    const { edge, session, state, until, errors } = await setUp(t)
    const peer = await edge.next()
    await peer.welcome(0, 0)
    await state('live')
    const id = session.prompt('too much')
    await peer.take('prompt')
    const refusal = { code: 'PROMPT_QUEUE_FULL', message: 'full' }
    peer.send({ type: 'error', ...refusal, clientRequestId: id })
    await until(s => s.outbox[0]?.refusal !== null)
    t.match(session.outbox, [{ clientRequestId: id, refusal }])
    t.strictSame(errors, [], 'it is told at the prompt, not as an error of its own')
    session.retry(id)
    t.match(await peer.take('prompt'), { clientRequestId: id })
    peer.send({ type: 'error', ...refusal, clientRequestId: id })
    await until(s => s.outbox[0]?.refusal !== null)
    session.discard(id)
    t.strictSame(session.outbox, [])
  })

  t.test('survive a reload of the page', async t => {
    let kept: string | null = null
    const storage = {
      get: () => kept,
      set: (text: string) => {
        kept = text
      },
    }
    const before = await setUp(t, { storage })
    const id = before.session.prompt('typed')
    before.session.close()
    const { edge, until } = await setUp(t, { storage })
    const peer = await edge.next()
    await peer.welcome(0, 0)
    t.match(await peer.take('prompt'), { clientRequestId: id, content: 'typed' })
    peer.send({ type: 'prompt_queued', clientRequestId: id, messageId: 'm', position: 1 })
    await until(s => s.outbox.length === 0)
    t.equal(kept, '[]')
  })
})

t.test('an error that belongs to no prompt is told', async t => {
  const { edge, state, until, errors } = await setUp(t)
  const peer = await edge.next()
  await peer.welcome(0, 0)
  await state('live')
  peer.send({ type: 'error', code: 'INTERNAL', message: 'x' })
  await until(() => errors.length > 0)
  t.strictSame(errors, ['INTERNAL'])
})

t.test('changes of the queue', async t => {
  const { edge, clock, session, state, errors } = await setUp(t)
  const peer = await edge.next()
  await peer.welcome(0, 0)
  await state('live')

  const edit = session.editPrompt('m', 'new', 4)
  const frame = await peer.take('edit_prompt')
  t.match(frame, { messageId: 'm', content: 'new', version: 4 })
  peer.socket.terminate()
  await state('waiting')
  clock.pass(300)
  const next = await edge.next()
  await next.welcome(0, 0)
  t.strictSame(await next.take('edit_prompt'), frame, 'are sent again under the same id')
  const { clientRequestId } = frame
  next.send({ type: 'queue_changed', clientRequestId, version: 5 })
  await edit

  const move = session.movePrompt('m', null, 5)
  const moving = await next.take('move_prompt')
  next.send({
    type: 'error',
    code: 'QUEUE_VERSION_CONFLICT',
    message: 'too late',
    clientRequestId: moving.clientRequestId,
    version: 9,
  })
  await t.rejects(move, { message: 'too late', cause: { version: 9 } })
  t.strictSame(errors, [], 'it is told to who asked')

  const cut = session.cancelPrompt('m')
  const cutting = await next.take('cancel_prompt')
  next.send({
    type: 'prompt_cancelled',
    clientRequestId: cutting.clientRequestId,
    messageId: 'm',
  })
  await cut
})
