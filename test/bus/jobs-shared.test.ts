/** Processes that share jobs come and go, and so do nats-servers: no job waits for one that is gone. */
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { jetstream } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import t from 'tap'
import type { Bus } from '../../lib/bus/connect.ts'
import { consumeJobs } from '../../lib/bus/jobs.ts'
import { DLQ, JOB } from '../../subjects/streams.ts'
import { openBus, startBus } from '../fixtures/bus.ts'
import { nothingLeft, numbered, numberedJobs, publishNumbered } from './numbered-jobs.ts'

type Test = { teardown(end: () => void): unknown }

/** Longer than any test takes: what is lost with somebody does not come back. */
const NEVER_MS = 600_000
const SHORT_MS = 1_000

/** Takes jobs; `begun` are their numbers, in the order in which they were begun. */
const worker = (
  t: Test,
  bus: Bus,
  options: {
    readonly concurrency?: number
    readonly ackWaitMs?: number
    readonly run?: (n: number) => Promise<void>
  } = {},
) => {
  const begun: number[] = []
  const news = new EventEmitter()
  const stop = new AbortController()
  const { run, ...more } = options
  const working = consumeJobs(bus, {
    ...numberedJobs,
    schema: numbered,
    signal: stop.signal,
    concurrency: 1,
    ackWaitMs: NEVER_MS,
    ...more,
    run: async ({ n }) => {
      begun.push(n)
      news.emit('one')
      await run?.(n)
    },
  })
  t.teardown(() => stop.abort())
  return {
    begun,
    until: async (count: number) => {
      while (begun.length < count) await once(news, 'one')
    },
    stop: () => {
      stop.abort()
      return working
    },
    working,
  }
}

const startProcess = (t: Test, url: string) => {
  const program = new URL('job-process.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, url, String(SHORT_MS)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return { child, says: async () => (await lines.next()).value as string }
}

t.test('the job of a process that is killed is done by another', async t => {
  const { nats, bus } = await startBus(t)
  const { child, says } = startProcess(t, nats.url)
  await publishNumbered(bus, 1)
  t.equal(await says(), 'begun 1')
  const other = worker(t, bus, { ackWaitMs: SHORT_MS })
  child.kill('SIGKILL')
  await other.until(1)
  await nothingLeft(bus)
})

t.test('a process that wakes after others have done its job goes on with the next', async t => {
  const { nats, bus } = await startBus(t)
  const { child, says } = startProcess(t, nats.url)
  await publishNumbered(bus, 1)
  t.equal(await says(), 'begun 1')
  child.kill('SIGSTOP')
  const other = worker(t, bus, { ackWaitMs: SHORT_MS })
  await other.until(1)
  await other.stop()
  await publishNumbered(bus, 2)
  child.kill('SIGCONT')
  child.stdin.write('\n')
  t.equal(await says(), 'begun 2')
  child.stdin.write('\n')
  await nothingLeft(bus)
  t.equal((await bus.jsm.streams.info(DLQ)).state.messages, 0)
})

t.test('what a busy process cannot begin is for others, also when it is to stop', async t => {
  const { nats, bus } = await startBus(t)
  const isDone = Promise.withResolvers<void>()
  const busy = worker(t, bus, { concurrency: 2, run: () => isDone.promise })
  await publishNumbered(bus, 1, 2)
  await busy.until(2)
  await publishNumbered(bus, 3, 4)
  const other = worker(t, await openBus(t, nats.url))
  await other.until(2)
  const stopped = busy.stop()
  isDone.resolve()
  await stopped
  await nothingLeft(bus)
  t.same(busy.begun.sort(), [1, 2])
  t.same(other.begun.sort(), [3, 4])
})

t.test('nothing is left with processes that stop, however much comes', async t => {
  const { nats, bus } = await startBus(t)
  const buses = await Promise.all([1, 2].map(() => openBus(t, nats.url)))
  const numbers = Array.from({ length: 500 }, (_, n) => n)
  const published = publishNumbered(bus, ...numbers)
  const begun: number[] = []
  for (let round = 0; begun.length < numbers.length; round++) {
    const one = worker(t, buses[round % 2] as Bus, { concurrency: 16 })
    await one.until(1)
    await one.stop()
    begun.push(...one.begun)
  }
  await published
  await nothingLeft(bus)
  t.same(
    begun.sort((a, b) => a - b),
    numbers,
    'each is done, and once',
  )
})

t.test('a job that comes again while it is worked at is not begun twice', async t => {
  const { bus } = await startBus(t)
  const isDone = Promise.withResolvers<void>()
  const one = worker(t, bus, {
    concurrency: 2,
    run: async n => (n === 1 ? isDone.promise : undefined),
  })
  await publishNumbered(bus, 1)
  await one.until(1)
  // What is not acknowledged is delivered again, in order.
  await bus.jsm.consumers.reset(JOB, numberedJobs.durable)
  await publishNumbered(bus, 2)
  await one.until(2)
  isDone.resolve()
  await nothingLeft(bus)
  t.same(one.begun, [1, 2])
})

t.test('the consumer of an earlier version goes on where it is, with our patience', async t => {
  const { bus } = await startBus(t)
  const first = worker(t, bus)
  await publishNumbered(bus, 1)
  await first.until(1)
  await nothingLeft(bus)
  await first.stop()
  const { durable } = numberedJobs
  const earlier = await bus.js.consumers.get(JOB, durable)
  await publishNumbered(bus, 2)
  const held = await earlier.next()
  t.equal(held?.info.deliveryCount, 1)
  const second = worker(t, bus, { ackWaitMs: SHORT_MS })
  await second.until(1)
  t.same(second.begun, [2], 'what nobody works at any more, and nothing that is done')
  t.equal((await earlier.info()).config.ack_wait, nanos(SHORT_MS))
  await nothingLeft(bus)
})

t.test('jobs are asked for again', async t => {
  const { nats, bus } = await startBus(t)
  const requests = `$JS.API.CONSUMER.MSG.NEXT.${JOB}.${numberedJobs.durable}`

  await t.test('of a new leader', async t => {
    const one = worker(t, bus)
    const asked = bus.nc.subscribe(requests)[Symbol.asyncIterator]()
    await asked.next()
    bus.nc.publish(`$JS.EVENT.ADVISORY.CONSUMER.LEADER_ELECTED.${JOB}.${numberedJobs.durable}`)
    await asked.next()
    await one.stop()
  })

  await t.test('when the request was lost', async t => {
    let lost = 0
    const publish: Bus['nc']['publish'] = (subject, payload, options) => {
      if (subject === requests && lost === 0) lost++
      else bus.nc.publish(subject, payload, options)
    }
    const nc = new Proxy(bus.nc, {
      get: (target, name) => {
        if (name === 'publish') return publish
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const one = worker(t, { ...bus, js: jetstream(nc) })
    await publishNumbered(bus, 1)
    await one.until(1)
    t.equal(lost, 1)
    await one.stop()
  })

  await t.test('of a nats-server that was away', async t => {
    const one = worker(t, bus)
    await publishNumbered(bus, 2)
    await one.until(1)
    await nothingLeft(bus)
    await nats.stop()
    await nats.restart()
    await publishNumbered(bus, 3)
    await one.until(2)
    await nothingLeft(bus)
    t.same(one.begun, [2, 3])
  })
})

t.test('who closes the connection ends it', async t => {
  const { bus } = await startBus(t)
  const one = worker(t, bus)
  await publishNumbered(bus, 1)
  await one.until(1)
  await bus.close()
  await one.working
})
