import t from 'tap'
import type { Bus } from '../../lib/bus/connect.ts'
import { followRecords, type RecordFollower } from '../../lib/bus/follow.ts'
import { newestRecord, newestSequences, recordsAfter } from '../../lib/bus/newest.ts'
import { openBus, startBus } from '../fixtures/bus.ts'
import { writeRecords } from '../fixtures/log.ts'

/** Follows, collecting command sequences, with a promise for "the n-th is here". */
const collect = (bus: Bus, sid: string) => {
  const got: number[] = []
  const waits = new Map<number, () => void>()
  const follower: RecordFollower = followRecords(bus, sid, {
    onRecord: record => {
      got.push(record.commandSequence)
      waits.get(record.commandSequence)?.()
    },
    onBroken: error => got.push(Number.NaN, error as never),
  })
  const until = (n: number) =>
    got.includes(n) ? Promise.resolve() : new Promise<void>(resolve => waits.set(n, resolve))
  return { got, follower, until }
}
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

t.test('records before the position stay away, those after it come once and in order', async t => {
  const { bus } = await startBus(t)
  const [, second] = await writeRecords(bus, 'a', 1, 3)
  const { got, follower, until } = collect(bus, 'a')
  await bus.nc.flush()
  await writeRecords(bus, 'b', 1, 2)
  await writeRecords(bus, 'a', 4, 5)
  t.same(got, [], 'nothing comes before start')
  follower.start(second as number)
  await until(5)
  t.same(
    got,
    [3, 4, 5],
    'what lies between position and the first live record is read from the log',
  )
  await writeRecords(bus, 'a', 6, 8)
  await until(8)
  t.same(got, numbers(3, 8))
  follower.close()
})

t.test(
  'a stream of records while following starts is complete, in order, without doubles',
  async t => {
    const { bus } = await startBus(t)
    const writing = writeRecords(bus, 'a', 1, 2000)
    const { got, follower, until } = collect(bus, 'a')
    follower.start(0)
    await writing
    await until(2000)
    t.same(got, numbers(1, 2000))
  },
)

t.test('what a lost connection swallowed is found by comparing with the log', async t => {
  const { nats, bus } = await startBus(t)
  const writer = await openBus(t, nats.url, 'writer')
  const { got, follower, until } = collect(bus, 'a')
  follower.start(0)
  await writeRecords(writer, 'a', 1, 2)
  await until(2)
  // The subscription is gone at the server, without any sign for the follower.
  for (const s of (
    bus.nc as never as { protocol: { subscriptions: { subs: Map<number, { subject: string }> } } }
  ).protocol.subscriptions.subs.values()) {
    if (s.subject === 'live.a')
      (bus.nc as never as { protocol: { unsub(s: unknown): void } }).protocol.unsub(s)
  }
  await bus.nc.flush()
  await writeRecords(writer, 'a', 3, 400)
  t.same(got, [1, 2], 'nothing arrives any more')
  await follower.catchUp()
  t.same(got, numbers(1, 400))
})

t.test('a nats-server that is killed and comes back loses no record', async t => {
  const { nats, bus } = await startBus(t)
  const { got, follower, until } = collect(bus, 'a')
  follower.start(0)
  await writeRecords(bus, 'a', 1, 50)
  await until(50)
  const back = (async () => {
    for await (const { type } of bus.nc.status()) if (type === 'reconnect') return
  })()
  await nats.kill()
  await nats.restart()
  const writer = await openBus(t, nats.url, 'writer')
  await writeRecords(writer, 'a', 51, 60)
  await back
  await follower.catchUp()
  t.same(got, numbers(1, 60))
})

t.test('reads of the log', async t => {
  const { bus } = await startBus(t)
  t.equal(await newestRecord(bus, 'none'), undefined)
  const sequences = await writeRecords(bus, 'a', 1, 700)
  await writeRecords(bus, 'b', 1, 1)
  t.equal((await newestRecord(bus, 'a'))?.sequence, sequences.at(-1))
  const read: number[] = []
  for await (const { record } of recordsAfter(bus, 'a', sequences[9] as number))
    read.push(record.commandSequence)
  t.same(read, numbers(11, 700), 'several batches, other sessions left out')
  const sids = ['a', 'none', ...Array.from({ length: 600 }, (_, i) => `x${i}`)]
  t.same([...(await newestSequences(bus, sids))], [['a', sequences.at(-1)]])
})
