/**
 * Three nats-servers, one of them lost: who waits for a leader asks again when there is one, and owners go on
 * with what they held, in the same epochs, even when no lease could be renewed.
 */
import t from 'tap'
import { type Bus, connectBus } from '../../lib/bus/connect.ts'
import { declareStreams } from '../../lib/bus/declare.ts'
import { ledBy, pauseFor } from '../../lib/bus/elections.ts'
import { patiently } from '../../lib/bus/failure.ts'
import { PARTITIONS } from '../../subjects/partition.ts'
import { CMD, EVT, KV_OWN } from '../../subjects/streams.ts'
import { openBus } from '../fixtures/bus.ts'
import { startNatsCluster } from '../fixtures/nats-server.ts'
import { NONE, promptAll, promptsOf, SIDS } from '../owner/everywhere.ts'
import { createSession, ownerConfig, startOwner } from '../owner/owners.ts'

/** Longer than any test takes. */
const NEVER_MS = 600_000

const leaderOf = (bus: Bus, stream: string) =>
  patiently(async () => (await bus.jsm.streams.info(stream)).cluster?.leader)
const stepDown = (bus: Bus, stream: string, preferred?: string) =>
  bus.nc.request(
    `$JS.API.STREAM.LEADER.STEPDOWN.${stream}`,
    preferred === undefined ? '' : JSON.stringify({ placement: { preferred } }),
  )
const consumersOf = async (bus: Bus) => {
  const names: string[] = []
  for await (const { name } of bus.jsm.consumers.list(CMD)) names.push(name)
  return names.sort()
}

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

  await t.test('a server that is asked to end says so to its clients first', async t => {
    const first = servers[0] as (typeof servers)[number]
    const only = await connectBus({ url: first.url, name: 'only' })
    t.teardown(() => only.close())
    const said: string[] = []
    const ended = (async () => {
      for await (const { type } of only.nc.status()) {
        said.push(type)
        if (type === 'disconnect') return
      }
    })()
    await first.stop()
    await ended
    await first.restart()
    t.ok(said.includes('ldm'))
  })

  await t.test('an owner keeps all it has, though its lease could not be renewed', async t => {
    const config = ownerConfig(t, url, { ...NONE, NATS_REPLICAS: '3', OWNER_LEASE_MS: '1000' })
    const owner = startOwner(t, config)
    await Promise.all(SIDS.map(sid => createSession(bus, sid)))
    while ((await consumersOf(bus)).length < PARTITIONS) await bus.nc.flush()
    const before = await consumersOf(bus)
    const leader = await leaderOf(bus, KV_OWN)
    const victim = servers[Number(leader?.slice(1)) - 1]
    if (!victim) throw new Error(`${leader} is nobody`)

    await victim.kill()
    t.ok(await promptAll(bus, 'while it is away'))
    await owner.until(/lease not renewed/)
    await victim.restart()
    while ((await leaderOf(bus, KV_OWN)) === undefined) await bus.nc.flush()
    t.ok(await promptAll(bus, 'after'))
    t.same(await promptsOf(bus), ['while it is away,after'])
    t.same(await patiently(() => consumersOf(bus)), before, 'in the same epochs')
  })
})
