import t from 'tap'
import { sessionLog, T0 } from '../../fixtures/records.ts'
import { startStore } from '../../fixtures/store.ts'

t.test('a prompt from the queue to its end', async t => {
  const { store, sql } = await startStore(t)
  const log = sessionLog()
  log.begin()
  log.record(
    [
      log.queued('m1', {
        clientRequestId: 'r1',
        content: 'it’s "quoted"\n\u0000and has a NUL',
        attachments: [{ name: 'a.txt' }],
        callbackContext: { channel: 'c' },
        model: 'x/y',
        reasoningEffort: 'high',
        source: 'slack',
      }),
    ],
    { request: { id: 'r1', fingerprint: 'f1' } },
  )
  await store.apply(log.entries)
  const [row] = await sql('select * from messages')
  t.same(row, {
    id: 'm1',
    author_id: 'p1',
    content: 'it’s "quoted"\n\u0000and has a NUL',
    source: 'slack',
    model: 'x/y',
    reasoning_effort: 'high',
    attachments: '[{"name":"a.txt"}]',
    status: 'pending',
    error_message: null,
    client_request_id: 'r1',
    request_fingerprint: 'f1',
    stop_confirmation_deadline: null,
    created_at: T0 + 1,
    started_at: null,
    completed_at: null,
    callback_context: '{"channel":"c"}',
    queued_sequence: 6,
  })

  const state = async () =>
    (
      await sql(
        'select status, started_at, completed_at, error_message, stop_confirmation_deadline as stop from messages',
      )
    )[0]
  await store.apply([log.record([log.started('m1')])])
  t.match(await state(), { status: 'processing', started_at: T0 + 2, completed_at: null })
  await store.apply([
    log.record(
      [
        log.finished('m1', 'Execution was stopped'),
        { type: 'stop_requested', messageId: 'm1', userId: 'u1', requestedAtMs: log.nowMs() },
      ],
      { timers: [{ name: 'stop', atMs: T0 + 15_003 }] },
    ),
  ])
  t.match(await state(), {
    status: 'failed',
    completed_at: T0 + 3,
    error_message: 'Execution was stopped',
    stop: T0 + 15_003,
  })
  await store.apply([log.record([{ type: 'stop_confirmed', messageId: 'm1' }])])
  t.match(await state(), { status: 'failed', stop: null })
})

t.test('one prompt after the other runs, in one batch as in many', async t => {
  for (const batches of [1, 2, 3, 20]) {
    const { store, sql } = await startStore(t)
    const log = sessionLog()
    log.begin()
    for (const id of ['b', 'a', 'c']) log.record([log.queued(id)])
    log.record([log.started('b')])
    log.record([log.finished('b'), log.started('a')])
    log.record([log.finished('a', 'no'), log.started('c')])
    const size = Math.ceil(log.entries.length / batches)
    for (let n = 0; n < log.entries.length; n += size) {
      await store.apply(log.entries.slice(n, n + size))
    }
    t.same(
      await sql('select id, status from messages order by queued_sequence'),
      [
        { id: 'b', status: 'completed' },
        { id: 'a', status: 'failed' },
        { id: 'c', status: 'processing' },
      ],
      `${batches} batches: the file never sees two that run`,
    )
  }
})

t.test('a prompt that waits is edited, or cancelled, which leaves no row', async t => {
  const by = { userId: 'u1', atMs: T0 }
  const events = [
    [{ type: 'prompt_edited', messageId: 'm1', content: 'new', ...by }],
    [{ type: 'prompt_moved', messageId: 'm1', before: null, ...by }],
    [{ type: 'prompt_edited', messageId: 'm2', content: 'new', ...by }],
    [{ type: 'prompt_cancelled', messageId: 'm2', ...by }],
    [{ type: 'queue_held', ...by }],
    [{ type: 'queue_released', ...by }],
  ] as const
  for (const together of [true, false]) {
    const { store, sql } = await startStore(t)
    const log = sessionLog()
    log.begin()
    log.record([log.queued('m1', { clientRequestId: 'r1' })])
    log.record([log.queued('m2', { clientRequestId: 'r2' })])
    if (!together) await store.apply(log.entries)
    for (const each of events) log.record([...each])
    await store.apply(log.entries)
    t.match(await sql('select id, content, status from messages'), [
      { id: 'm1', content: 'new', status: 'pending' },
    ])
    t.equal((await sql('select 1 from messages')).length, 1)
  }
})
