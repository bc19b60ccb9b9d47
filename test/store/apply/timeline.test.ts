import t from 'tap'
import { CHANGE_BYTES_KEPT, CHANGES_KEPT } from '../../../lib/store/apply/write.ts'
import { sessionLog, T0 } from '../../fixtures/records.ts'
import { startStore } from '../../fixtures/store.ts'

t.test('a line that comes again replaces the earlier one in its place', async t => {
  for (const together of [true, false]) {
    const { store, sql } = await startStore(t)
    const log = sessionLog()
    log.begin()
    const call = (status: string) =>
      log.record([log.shown('tool_call:m:c', { type: 'tool_call', callId: 'c', status }, 'm')])
    const text = (content: string) =>
      log.record([log.shown('token:m', { type: 'token', content }, 'm')])
    call('pending')
    text('He')
    call('running')
    log.record([log.shown('w', { type: 'warning', message: 'w' })])
    text('Hello')
    call('completed')
    if (together) await store.apply(log.entries)
    else for (const entry of log.entries) await store.apply([entry])
    t.same(
      await sql('select * from events order by timeline_sequence'),
      [
        {
          id: 'tool_call:m:c',
          type: 'tool_call',
          data: '{"type":"tool_call","callId":"c","status":"completed"}',
          message_id: 'm',
          created_at: T0 + 1,
          timeline_sequence: 1,
          sequence: 6,
        },
        {
          id: 'token:m',
          type: 'token',
          data: '{"type":"token","content":"Hello"}',
          message_id: 'm',
          created_at: T0 + 5,
          timeline_sequence: 2,
          sequence: 5,
        },
        {
          id: 'w',
          type: 'warning',
          data: '{"type":"warning","message":"w"}',
          message_id: null,
          created_at: T0 + 4,
          timeline_sequence: 4,
          sequence: 4,
        },
      ],
      together ? 'one batch' : 'one by one',
    )
    t.same(
      await sql('select sequence, event_id, position from changes order by sequence'),
      [
        { sequence: 1, event_id: 'tool_call:m:c', position: 1 },
        { sequence: 2, event_id: 'token:m', position: 2 },
        { sequence: 3, event_id: 'tool_call:m:c', position: 1 },
        { sequence: 4, event_id: 'w', position: 4 },
        { sequence: 5, event_id: 'token:m', position: 2 },
        { sequence: 6, event_id: 'tool_call:m:c', position: 1 },
      ],
      'and every version is kept',
    )
  }
})

t.test('the newest versions are kept, by number and by bytes', async t => {
  const { store, sql } = await startStore(t)
  const log = sessionLog()
  log.begin()
  const lines = (count: number, bytes: number) =>
    log.record(
      Array.from({ length: count }, (_, n) =>
        log.shown(`e${log.entries.length}-${n}`, { type: 'x', text: 'x'.repeat(bytes) }),
      ),
    )
  const kept = async () => (await sql('select min(sequence) a, max(sequence) b from changes'))[0]
  lines(CHANGES_KEPT, 1)
  await store.apply(log.entries)
  t.same(await kept(), { a: 1, b: CHANGES_KEPT })
  await store.apply([lines(10, 1)])
  t.same(await kept(), { a: 11, b: CHANGES_KEPT + 10 })
  const half = CHANGE_BYTES_KEPT / 2
  for (let n = 0; n < 3; n++) await store.apply([lines(1, half)])
  const { b } = (await kept()) as { b: number }
  t.same(await kept(), { a: b - 1, b }, 'whatever has no part in the newest bytes is gone')
  t.same(
    await sql('select count(*) n from events'),
    [{ n: CHANGES_KEPT + 13 }],
    'the lines themselves stay',
  )
})

t.test('an artifact that is reported again is the same, newer', async t => {
  const { store } = await startStore(t)
  const log = sessionLog()
  log.begin()
  const artifact = (artifactId: string, url: string | null) =>
    log.record([
      {
        type: 'artifact_created',
        artifactId,
        artifactType: 'pr',
        url,
        metadata: { number: 1 },
        createdAtMs: log.nowMs(),
      },
    ])
  artifact('a', null)
  artifact('b', 'u')
  await store.apply(log.entries)
  await store.apply([artifact('a', 'https://x')])
  t.same(await store.artifacts(), [
    {
      id: 'b',
      type: 'pr',
      url: 'u',
      metadata: { number: 1 },
      createdAt: T0 + 2,
      updatedAt: T0 + 2,
    },
    {
      id: 'a',
      type: 'pr',
      url: 'https://x',
      metadata: { number: 1 },
      createdAt: T0 + 1,
      updatedAt: T0 + 3,
    },
  ])
})
