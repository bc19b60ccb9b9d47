import t from 'tap'
import { publishCommand } from '../../lib/bus/command.ts'
import { type Edges, startEdges } from '../fixtures/edges.ts'
import { type Frame, subscribe } from '../fixtures/socket.ts'

/** Writes `count` events of the session's sandbox, `perSecond`, ten to a command. */
const stream = async (edges: Edges, sid: string, count: number, perSecond: number) => {
  const { generation } = await edges.sandboxCredentials(sid)
  const startedMs = performance.now()
  const published: Promise<unknown>[] = []
  for (let n = 0; n < count; n += 10) {
    const dueMs = startedMs + (n * 1_000) / perSecond
    while (performance.now() < dueMs) await new Promise(resolve => setImmediate(resolve))
    const events = Array.from({ length: 10 }, (_, i) => ({
      type: 'note',
      run: 'r',
      seq: n + i + 1,
    }))
    published.push(
      publishCommand(edges.bus, sid, { v: 1, type: 'sandbox_events', generation, events }),
    )
    // One connection keeps the order of what it publishes.
  }
  await Promise.all(published)
}

const stored = (frames: readonly Frame[]): number[] =>
  frames.flatMap(frame =>
    typeof frame.sequence === 'number' && frame.type === 'sandbox_event' ? [frame.sequence] : [],
  )
/** All sequences that a client has seen: in its snapshot, then live. */
const seen = (client: { subscribed: Frame; frames: readonly Frame[] }): number[] => [
  ...client.subscribed.timeline.events.map((item: Frame) => item.sequence),
  ...stored(client.frames),
]
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)
const last = (n: number) => (frame: Frame) => frame.sequence === n

t.test(
  'a client that subscribes while 1,000 events a second stream in sees each exactly once',
  async t => {
    const COUNT = 3_000
    const CLIENTS = 12
    const edges = await startEdges(t, { edges: 2 })
    const sid = await edges.createSession()
    const tokens = await Promise.all(range(1, CLIENTS).map(n => edges.token(sid, `user${n}`)))
    const watching = await subscribe(t, edges.url(0), { sid, token: tokens[0]! })
    const streaming = stream(edges, sid, COUNT, 1_000)
    const joined: Awaited<ReturnType<typeof subscribe>>[] = []
    for (const [n, token] of tokens.entries()) {
      // Each joins at another moment of the stream.
      await watching.until(frame => frame.sequence >= (n + 1) * 200)
      joined.push(await subscribe(t, edges.url(n % 2), { sid, token }))
    }
    await streaming
    await Promise.all(joined.map(client => client.until(last(COUNT))))
    for (const client of joined) {
      const sequences = seen(client)
      const first = sequences[0] as number
      t.same(sequences, range(first, COUNT), `from ${first} on`)
      t.equal(client.subscribed.recovered, false)
    }
    t.ok(joined[0]!.subscribed.sequence < COUNT, 'it did stream while they came')
    t.same(seen(watching), range(1, COUNT))
  },
)

t.test('one that comes back to another edge with `after` gets exactly what it missed', async t => {
  const COUNT = 2_000
  const edges = await startEdges(t, { edges: 2 })
  const sid = await edges.createSession()
  const token = await edges.token(sid)
  const watching = await subscribe(t, edges.url(0), { sid, token: await edges.token(sid, 'bob') })
  const streaming = stream(edges, sid, COUNT, 1_000)
  const all: number[] = []
  for (const until of [150, 480, 800, 1_120, 1_440]) {
    const after = all.at(-1) ?? 0
    const client = await subscribe(t, edges.url(all.length % 2), { sid, token, after })
    t.equal(client.subscribed.recovered, true, `after ${after}`)
    await watching.until(last(until))
    client.socket.terminate()
    await client.closed
    all.push(...seen(client))
  }
  await streaming
  await watching.until(last(COUNT))
  // More than one answer holds: replaced by the newest page, and said so.
  const behind = await subscribe(t, edges.url(0), { sid, token, after: 3 })
  t.equal(behind.subscribed.recovered, false)
  t.same(seen(behind), range(COUNT - 499, COUNT))
  const end = await subscribe(t, edges.url(1), { sid, token, after: COUNT - 100 })
  t.equal(end.subscribed.recovered, true)
  t.same(seen(end), range(COUNT - 99, COUNT))
  t.same(all, range(1, all.length), 'no hole and no double over five sockets')
})
