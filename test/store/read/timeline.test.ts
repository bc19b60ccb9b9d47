import t from 'tap'
import { CHANGES_KEPT } from '../../../lib/store/apply/write.ts'
import { timelineItem } from '../../../subjects/frames-server.ts'
import { sessionLog, T0 } from '../../fixtures/records.ts'
import { startStore } from '../../fixtures/store.ts'

const LOTS = 1e9

t.test('an empty session has an empty page and misses nothing', async t => {
  const { store } = await startStore(t)
  t.same(await store.timeline(500, LOTS), { items: [], hasMore: false, cursor: null })
  t.same(await store.changesAfter(0, 500, LOTS), { items: [], complete: true })
  t.same(await store.changesAfter(3, 500, LOTS), { items: [], complete: false })
})

t.test(
  'the newest page, ascending, cut by rows or bytes, with the place where it begins',
  async t => {
    const { store } = await startStore(t)
    const log = sessionLog()
    log.begin()
    for (let n = 1; n <= 10; n++) {
      log.record([log.shown(`e${n}`, { type: 'warning', message: 'x'.repeat(1000) })])
    }
    await store.apply(log.entries)
    const ids = async (limit: number, maxBytes: number) => {
      const { items, hasMore, cursor } = await store.timeline(limit, maxBytes)
      for (const item of items) timelineItem.parse(item)
      return { ids: items.map(item => item.eventId), hasMore, from: cursor?.id }
    }
    t.same(await ids(3, LOTS), { ids: ['e8', 'e9', 'e10'], hasMore: true, from: 'e8' })
    t.same(await ids(9, LOTS), {
      ids: ['e2', 'e3', 'e4', 'e5', 'e6', 'e7', 'e8', 'e9', 'e10'],
      hasMore: true,
      from: 'e2',
    })
    t.equal((await ids(10, LOTS)).hasMore, false, 'exact at the boundary')
    t.same(await ids(10, 3000), { ids: ['e9', 'e10'], hasMore: true, from: 'e9' })
    t.same(await ids(10, 1), { ids: ['e10'], hasMore: true, from: 'e10' }, 'never empty')
    t.same((await store.timeline(1, LOTS)).cursor, { timestamp: T0 + 10, id: 'e10', sequence: 10 })
  },
)

t.test('growing text is new each time; a tool call stays where it began', async t => {
  const { store } = await startStore(t)
  const log = sessionLog()
  log.begin()
  log.record([log.shown('token:m', { type: 'token', content: 'a' }, 'm')])
  log.record([log.shown('tool_call:m:1', { type: 'tool_call', callId: '1' }, 'm')])
  log.record([log.shown('tool_call:m:2', { type: 'tool_call', callId: '2' }, 'm')])
  log.record([log.shown('tool_call:m:1', { type: 'tool_call', callId: '1', status: 'x' }, 'm')])
  log.record([log.shown('token:m', { type: 'token', content: 'ab' }, 'm')])
  await store.apply(log.entries)
  t.same((await store.timeline(2, LOTS)).items, [
    {
      eventId: 'tool_call:m:2',
      sequence: 3,
      timelineSequence: 3,
      event: { type: 'tool_call', callId: '2' },
    },
    {
      eventId: 'token:m',
      sequence: 5,
      timelineSequence: 1,
      event: { type: 'token', content: 'ab' },
    },
  ])
})

t.test('who comes back gets exactly what was missed, or is told that it is not there', async t => {
  const { store } = await startStore(t)
  const log = sessionLog()
  log.begin()
  for (let n = 1; n <= 10; n++) {
    log.record([log.shown(`tool_call:m:${n % 3}`, { type: 'tool_call', n }, 'm')])
  }
  await store.apply(log.entries)
  const after = async (sequence: number, limit = 100, maxBytes = LOTS) => {
    const { items, complete } = await store.changesAfter(sequence, limit, maxBytes)
    return complete ? items.map(item => item.event.n) : null
  }
  t.same(await after(10), [])
  t.same(await after(9), [10])
  t.same(await after(0), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 'every version, in order')
  t.same(await after(7, 3), [8, 9, 10])
  t.equal(await after(6, 3), null, 'more than is taken')
  t.equal(await after(7, 3, 10), null, 'more bytes than are taken')
  t.equal(await after(11), null, 'a client that is ahead of the log')
  t.same((await store.changesAfter(9, 1, LOTS)).items, [
    {
      eventId: 'tool_call:m:1',
      sequence: 10,
      timelineSequence: 1,
      event: { type: 'tool_call', n: 10 },
    },
  ])

  await store.apply([
    log.record(
      Array.from({ length: CHANGES_KEPT - 8 }, (_, n) => log.shown(`e${n}`, { type: 'x', n })),
    ),
  ])
  t.equal(await after(1, LOTS), null, 'forgotten by now')
  t.equal((await after(2, LOTS))?.length, CHANGES_KEPT, 'the oldest that is still there')
})

t.test('older pages, one before the other, each line once', async t => {
  const { store } = await startStore(t)
  const log = sessionLog()
  log.begin()
  for (let n = 1; n <= 10; n++) {
    log.record([
      // Two of one millisecond: the place in the timeline tells which is older.
      log.shown(`e${n}`, { type: 'warning', message: 'x'.repeat(1000) }),
      log.shown(`f${n}`, { type: 'warning', message: 'y' }),
    ])
  }
  await store.apply(log.entries)
  const all = Array.from({ length: 10 }, (_, n) => [`e${n + 1}`, `f${n + 1}`]).flat()
  for (const [limit, maxBytes] of [
    [3, LOTS],
    [1, LOTS],
    [20, LOTS],
    [5, 2000],
  ] as const) {
    let page = await store.timeline(limit, maxBytes)
    let ids = page.items.map(item => item.eventId)
    while (page.hasMore && page.cursor) {
      page = await store.history(page.cursor, limit, maxBytes)
      for (const item of page.items) timelineItem.parse(item)
      ids = [...page.items.map(item => item.eventId), ...ids]
    }
    t.same(ids, all, `${limit} lines or ${maxBytes} bytes at a time`)
    t.ok(page.cursor, 'the last page says where it begins as well')
    if (page.cursor) {
      t.same(await store.history(page.cursor, limit, maxBytes), {
        items: [],
        hasMore: false,
        cursor: null,
      })
    }
  }
})

t.test('a cursor without a sequence means the line that it names', async t => {
  const { store } = await startStore(t)
  const log = sessionLog()
  log.begin()
  log.record([
    log.shown('a', { type: 'warning' }),
    log.shown('b', { type: 'warning' }),
    log.shown('c', { type: 'warning' }),
  ])
  await store.apply(log.entries)
  const timestamp = T0 + 1
  const before = async (id: string) =>
    (await store.history({ timestamp, id }, 10, LOTS)).items.map(item => item.eventId)
  t.same(await before('c'), ['a', 'b'])
  t.same(await before('a'), [])
  t.same(await before('nothing'), [], 'which is older than its time if it is unknown')
})
