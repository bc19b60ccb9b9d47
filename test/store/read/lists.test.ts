import t from 'tap'
import type { SessionStore } from '../../../lib/store/session-store.ts'
import { codeOf } from '../../../subjects/errors.ts'
import { sessionLog, T0 } from '../../fixtures/records.ts'
import { startStore } from '../../fixtures/store.ts'

/** Reads a list page by page; the cursors that were followed come along. */
const pages = async <P extends { cursor: string | null; hasMore: boolean }>(
  read: (cursor: string | null) => Promise<P>,
): Promise<P[]> => {
  const all: P[] = []
  let cursor: string | null = null
  do {
    const page: P = await read(cursor)
    all.push(page)
    cursor = page.cursor
    if (!page.hasMore) return all
  } while (all.length < 1000)
  throw new Error('the list has no end')
}

const warnings = async (store: SessionStore, count: number, sameMs: number) => {
  const log = sessionLog()
  log.begin()
  for (let n = 0; n < count; n += sameMs) {
    log.record(
      Array.from({ length: Math.min(sameMs, count - n) }, (_, k) =>
        log.shown(`e:${n + k}`, { type: 'warning', message: `${n + k}` }, `m${n % 2}`),
      ),
    )
  }
  await store.apply(log.entries)
  return log
}

t.test(
  'events: every line once, newest first, whatever the page, also within a millisecond',
  async t => {
    const { store } = await startStore(t)
    await warnings(store, 40, 7)
    const expected = Array.from({ length: 40 }, (_, n) => `e:${39 - n}`)
    for (const limit of [1, 3, 7, 39, 40, 41, 500]) {
      const read = await pages(cursor => store.events({ limit, cursor }))
      t.same(
        read.flatMap(page => page.events.map(event => event.id)),
        expected,
        `pages of ${limit}`,
      )
      t.equal(read.length, Math.ceil(40 / limit), 'hasMore is exact')
    }
    const [first] = (await store.events({ limit: 1 })).events
    t.same(first, {
      id: 'e:39',
      type: 'warning',
      data: { type: 'warning', message: '39' },
      messageId: 'm1',
      createdAt: T0 + 6,
      sequence: 40,
    })
  },
)

t.test('events: older cursors, and what is none', async t => {
  const { store } = await startStore(t)
  await warnings(store, 10, 5)
  const ids = async (cursor: string) =>
    (await store.events({ limit: 50, cursor })).events.map(event => event.id)
  const older = ['e:4', 'e:3', 'e:2', 'e:1', 'e:0']
  t.same(await ids(`${T0 + 2}:8:e%3A7`), ['e:6', 'e:5', ...older], 'time, place and id')
  t.same(await ids(`${T0 + 2}:e%3A7`), ['e:6', 'e:5', ...older], 'time and id')
  t.same(await ids(`${T0 + 2}:unknown`), older, 'an id that is gone')
  t.same(await ids(`${T0 + 2}`), older, 'the time alone leaves its own millisecond out')
  for (const cursor of ['', 'x', '-1', '1.5', ':1:a', '1:%E0%A4%A', '1:', `${'9'.repeat(30)}`]) {
    const code = await store.events({ limit: 1, cursor }).then(() => 'read', codeOf)
    t.equal(code, 'INVALID_CURSOR', JSON.stringify(cursor))
  }
})

t.test('events: filters, limits, bytes', async t => {
  const { store } = await startStore(t)
  const log = await warnings(store, 20, 1)
  await store.apply([
    log.record([log.shown('big', { type: 'error', error: 'é'.repeat(50_000) }, 'm1')]),
    log.record([log.shown('small', { type: 'error', error: '' }, 'm1')]),
  ])
  const ids = async (query: Parameters<SessionStore['events']>[0]) =>
    (await store.events(query)).events.map(event => event.id)
  t.same(await ids({ limit: 50, eventType: 'error' }), ['small', 'big'])
  t.equal((await ids({ limit: 50, messageId: 'm0' })).length, 10)
  t.same(await ids({ limit: 50, messageId: 'm1', eventType: 'error' }), ['small', 'big'])
  t.same(await ids({ limit: 50, messageId: "m'; drop table events; --\0" }), [])
  for (const limit of [0, -5, Number.NaN]) t.equal((await ids({ limit })).length, 1)
  t.equal((await ids({ limit: 1e9 })).length, 22)

  const cut = await pages(cursor => store.events({ limit: 50, cursor, maxBytes: 100_000 }))
  t.same(
    cut.map(page => page.events.length),
    [1, 1, 20],
    'the second is too big for any page, and has one of its own',
  )
})

t.test('messages: in the order of the queue, backwards, without loss', async t => {
  const { store } = await startStore(t)
  const log = sessionLog()
  log.begin()
  const atMs = T0 + 100
  for (let n = 0; n < 9; n++) {
    log.record([log.queued(`m${(n * 5) % 9}`, { queuedAtMs: atMs + Math.floor(n / 3) })])
  }
  log.record([log.started('m0')])
  log.record([log.finished('m0', 'broken'), log.started('m5')])
  await store.apply(log.entries)
  const expected = Array.from({ length: 9 }, (_, n) => `m${((8 - n) * 5) % 9}`)
  for (const limit of [1, 2, 3, 9, 100]) {
    const read = await pages(cursor => store.messages({ limit, cursor }))
    t.same(
      read.flatMap(page => page.messages.map(message => message.id)),
      expected,
      `pages of ${limit}`,
    )
  }
  const ids = async (query: Parameters<SessionStore['messages']>[0]) =>
    (await store.messages(query)).messages.map(message => message.id)
  t.same(await ids({ limit: 9, status: 'failed' }), ['m0'])
  t.same(await ids({ limit: 9, status: 'processing' }), ['m5'])
  t.same(await ids({ limit: 9, cursor: `${atMs + 1}` }), expected.slice(6), 'a bare time')
  t.same(await ids({ limit: 9, cursor: `${atMs}:m5` }), ['m0'], 'time and id')
  t.equal(await store.messages({ limit: 1, cursor: 'no' }).then(() => '', codeOf), 'INVALID_CURSOR')
  t.same((await store.messages({ limit: 1, status: 'failed' })).messages, [
    {
      id: 'm0',
      authorId: 'p1',
      content: 'do m0',
      source: 'web',
      model: null,
      status: 'failed',
      errorMessage: 'broken',
      attachments: null,
      createdAt: atMs,
      startedAt: T0 + 10,
      completedAt: T0 + 11,
    },
  ])
  const cut = await pages(cursor => store.messages({ limit: 9, cursor, maxBytes: 800 }))
  t.ok(cut.length > 1, 'cut by bytes')
  t.same(
    cut.flatMap(page => page.messages.map(message => message.id)),
    expected,
  )
})

t.test('participants in the order in which they came', async t => {
  const { store } = await startStore(t)
  const log = sessionLog()
  log.begin()
  log.record([log.joined('p0', { login: 'zoe', name: 'Zoë' })])
  await store.apply(log.entries)
  t.same(await store.participants(), [
    {
      id: 'p1',
      userId: 'user-p1',
      githubLogin: null,
      githubName: null,
      role: 'owner',
      joinedAt: T0,
    },
    {
      id: 'p0',
      userId: 'user-p0',
      githubLogin: 'zoe',
      githubName: 'Zoë',
      role: 'member',
      joinedAt: T0 + 1,
    },
  ])
})
