import t from 'tap'
import { publishCommand } from '../../lib/bus/command.ts'
import { startEdges } from '../fixtures/edges.ts'
import { type Frame, subscribe } from '../fixtures/socket.ts'

/** More lines than a snapshot holds. */
const LINES = 800

t.test('older history, page by page', async t => {
  let nowMs = Date.now()
  const edges = await startEdges(t)
  const sid = await edges.createSession()
  const sandbox = await edges.sandbox(t, sid)
  const { generation } = sandbox
  for (let from = 0; from < LINES; from += 100) {
    const events = Array.from({ length: 100 }, (_, i) => ({
      type: 'warning',
      scope: 'sync',
      message: `line ${from + i}`,
      run: 'r',
      seq: from + i + 1,
    }))
    await publishCommand(edges.bus, sid, { v: 1, type: 'sandbox_events', generation, events })
  }
  const edge = edges.running[0]?.edge
  if (!edge) throw new Error('no edge')
  // The pause between two requests is counted by the edge's clock.
  Object.assign(edge, { now: () => nowMs })
  const client = await subscribe(t, edges.url(), { sid, token: await edges.token(sid) })
  const { timeline } = client.subscribed
  t.equal(timeline.hasMore, true)
  const messages = (items: Frame[]) => items.map(item => item.event.message ?? item.event.type)

  let cursor = timeline.cursor
  let held: Frame[] = timeline.events
  const fetch = async (extra: object) => {
    const from = client.frames.length
    nowMs += 200
    client.send({ type: 'fetch_history', cursor, ...extra })
    return client.until(frame => ['history_page', 'error'].includes(frame.type), from)
  }
  for (const [limit, count] of [
    [7, 7],
    [0, 1],
    [undefined, 200],
  ]) {
    const page = await fetch(limit === undefined ? {} : { limit })
    t.equal(page.items?.length, count, `limit ${limit}`)
    held = [...page.items, ...held]
    cursor = page.cursor
  }
  for (;;) {
    const page = await fetch({ limit: 10_000 })
    if (page.type === 'error') return t.fail(page.code)
    held = [...page.items, ...held]
    if (!page.hasMore) break
    cursor = page.cursor
  }
  t.strictSame(
    messages(held).filter(text => text.startsWith('line ')),
    Array.from({ length: LINES }, (_, i) => `line ${i}`),
    'all lines, each once, in order',
  )
  t.equal(new Set(held.map(item => item.eventId)).size, held.length, 'no line twice')

  await t.test('not too often, and only from a place that there is', async t => {
    const from = client.frames.length
    nowMs += 200
    client.send({ type: 'fetch_history', cursor, limit: 1 })
    await client.until('history_page', from)
    nowMs += 199
    client.send({ type: 'fetch_history', cursor, limit: 1 })
    t.match(await client.until('error', from), { code: 'RATE_LIMITED' })
    nowMs += 1
    client.send({ type: 'fetch_history', cursor, limit: 1 })
    const second = client.frames.length
    await client.until('history_page', second)
    for (const wrong of [undefined, null, 'x', {}, { timestamp: 'x', id: 'y' }, { timestamp: 1 }]) {
      const at = client.frames.length
      nowMs += 200
      client.send({ type: 'fetch_history', cursor: wrong })
      t.match(await client.until('error', at), { code: 'INVALID_CURSOR' }, JSON.stringify(wrong))
    }
  })
})
