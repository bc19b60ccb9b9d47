/**
 * Three nats-servers, one of them lost: who waits for a leader asks again when there is one, jobs come from the
 * new one, and owners go on with what they held, in the same epochs, even when no lease could be renewed.
 */
import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { requestCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { declareStreams } from '../../lib/bus/declare.ts'
import { ledBy, pauseFor } from '../../lib/bus/elections.ts'
import { patiently } from '../../lib/bus/failure.ts'
import { consumeJobs } from '../../lib/bus/jobs.ts'
import { PARTITIONS } from '../../subjects/partition.ts'
import { CMD, EVT, JOB, KV_OWN } from '../../subjects/streams.ts'
import { numbered, numberedJobs, publishNumbered } from '../bus/numbered-jobs.ts'
import { openBus } from '../fixtures/bus.ts'
import { startNatsCluster } from '../fixtures/nats-server.ts'
import { NONE, patience } from '../owner/everywhere.ts'
import { createSession, ownerConfig, promptOf, startOwner } from '../owner/owners.ts'

/** Longer than any test takes. */
const NEVER_MS = 600_000
const SIDS = Array.from({ length: 8 }, (_, n) => `kept-${n}`)

const leaderOf = (bus: Bus, stream: string) =>
  patiently(async () => (await bus.jsm.streams.info(stream)).cluster?.leader)
const stepDown = (bus: Bus, stream: string) =>
  bus.nc.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, '', { timeout: 5_000 })
const consumerStepsDown = (bus: Bus, stream: string, name: string) =>
  bus.nc.request(`$JS.API.CONSUMER.LEADER.STEPDOWN.${stream}.${name}`, '', { timeout: 5_000 })
const consumersOf = (bus: Bus): Promise<string[]> =>
  patiently(async () => {
    const names: string[] = []
    for await (const { name } of bus.jsm.consumers.list(CMD)) names.push(name)
    return names.sort()
  })

t.test('elections', { timeout: 180_000 }, async t => {
  const servers = await startNatsCluster(t)
  const url = servers.map(server => server.url).join()
  const bus = await openBus(t, url)
  await declareStreams(bus, { replicas: 3 })

  await t.test('a new leader ends waiting for the former one', async t => {
    const asked = ledBy(bus, { stream: EVT }, new Promise(() => {}))
    const refused = t.rejects(asked, { cause: { code: 'BUS_UNAVAILABLE' } })
    const paused = pauseFor(bus, { stream: EVT }, NEVER_MS)
    await stepDown(bus, EVT)
    await Promise.all([refused, paused])
  })

  await t.test('jobs are taken from a new leader', async t => {
    const done = new EventEmitter()
    const stop = new AbortController()
    const working = consumeJobs(bus, {
      ...numberedJobs,
      schema: numbered,
      signal: stop.signal,
      concurrency: 1,
      ackWaitMs: NEVER_MS,
      run: async ({ n }) => void done.emit(`${n}`),
    })
    t.teardown(() => stop.abort())
    const [first, second] = [once(done, '1'), once(done, '2')]
    await publishNumbered(bus, 1)
    await first
    await consumerStepsDown(bus, JOB, numberedJobs.durable)
    await publishNumbered(bus, 2)
    await second
    stop.abort()
    await working
  })

  await t.test('an owner keeps all it has, though its lease could not be renewed', async t => {
    const config = ownerConfig(t, url, { ...NONE, NATS_REPLICAS: '3', OWNER_LEASE_MS: '1000' })
    const owner = startOwner(t, config)
    await Promise.all(SIDS.map(sid => createSession(bus, sid)))
    const promptAll = (id: string) =>
      Promise.all(SIDS.map(sid => requestCommand(bus, sid, promptOf(id), patience)))
    while ((await consumersOf(bus)).length < PARTITIONS) await bus.nc.flush()
    const before = await consumersOf(bus)
    const leader = await leaderOf(bus, KV_OWN)
    const victim = servers[Number(leader?.slice(1)) - 1]
    if (!victim) throw new Error(`${leader} is nobody`)

    await victim.kill()
    await promptAll('while it is away')
    await owner.until(/lease not renewed/)
    await victim.restart()
    while ((await leaderOf(bus, KV_OWN)) === undefined) await bus.nc.flush()
    await promptAll('after')
    t.same(await consumersOf(bus), before, 'in the same epochs')
  })
})
