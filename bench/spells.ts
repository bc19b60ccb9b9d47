/**
 * What the loss of one of three nats-servers costs: how long prompts wait until they are accepted, beside
 * what a bare publisher waits whose stream had its leader there. Every stream and every consumer elects its
 * own leader; which elections a session had to wait for is known, so what comes on top of them is ours.
 *
 *   npm run bench:spells -- [times] [kill|stop]
 *
 * With SPELLS_TRACE=<file>, a timeline of the elections and of what the owners said.
 */
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { requestCommand } from '../lib/bus/command.ts'
import { type Bus, connectBus } from '../lib/bus/connect.ts'
import { declareStreams } from '../lib/bus/declare.ts'
import { patiently } from '../lib/bus/failure.ts'
import { partitionOf } from '../subjects/partition.ts'
import { CMD, EVT, JOB, KV_OWN, TMR } from '../subjects/streams.ts'
import { ELECTIONS, electedOf } from '../subjects/subjects.ts'
import { startNatsCluster } from '../test/fixtures/nats-server.ts'
import { createSession, ownerConfig, promptOf, spawnOwner } from '../test/owner/owners.ts'
import { machineFacts } from './report.ts'
import { openScope } from './scope.ts'
import { insistently, sayWaits, spellOf, type Wait } from './waits.ts'

const SESSIONS = 48
const PROMPT_EVERY_MS = 300
const RAW_EVERY_MS = 50
const AWAY_MS = 2_000
/** Longer than an election, and than the servers need to be level again. */
const WATCH_MS = 14_000
/** What a prompt cannot do without. Leases can: their bucket is not among them. */
const NEEDED = [CMD, EVT, TMR, JOB]

const times = Number(process.argv[2] ?? 6)
const how = process.argv[3] === 'stop' ? 'stop' : 'kill'
const trace = process.env.SPELLS_TRACE

const scope = openScope()
const servers = await startNatsCluster(scope)
const names = servers.map((_, n) => `n${n + 1}`)
const url = servers.map(server => server.url).join()
const connected = async (name: string) => {
  const bus = await connectBus({ url, name })
  scope.teardown(() => bus.close())
  return bus
}
const bus = await connected('bench')
await declareStreams(bus, { replicas: 3 })
const env = { SANDBOX_PROVIDER: 'none', NATS_REPLICAS: '3', MAX_UNFINISHED_PROMPTS: '1000000' }
// The default lease.
const config = ownerConfig(scope, url, { ...env, OWNER_LEASE_MS: '2000' })
const owners = [spawnOwner(scope, config, env), spawnOwner(scope, config, env)]

const timeline: string[] = []
const note = (text: string) => timeline.push(`${Date.now()} ${text}`)

/** When each stream and consumer had a new leader last. */
const elected = new Map<string, number>()
const groupOf = (stream: string, consumer = '') => `${stream} ${/^p\d+/.exec(consumer) ?? consumer}`
bus.nc.subscribe(ELECTIONS, {
  callback: (_error, message) => {
    const { stream = '', consumer } = electedOf(message.subject) ?? {}
    elected.set(groupOf(stream, consumer), performance.now())
    note(`elected ${stream} ${consumer ?? ''} ${message.json<{ leader?: string }>().leader}`)
  },
})

const prompts: Wait[] = []
const raw: Wait[] = []
let running = true

const isOver = () => !running
const prompting = (sid: string) =>
  insistently({
    who: sid,
    everyMs: PROMPT_EVERY_MS,
    into: prompts,
    isOver,
    once: n => requestCommand(bus, sid, promptOf(`${sid}-${n}`)),
  })
/** A bare publisher that does not give up, into a stream of its own. */
const publishing = async (on: Bus, name: string) => {
  const subject = `raw.${name}`
  await patiently(() =>
    on.jsm.streams.add({ name: `RAW_${name}`, subjects: [subject], num_replicas: 3 }),
  )
  const body = 'x'.repeat(300)
  const once = () => on.js.publish(subject, body, { timeout: 500 })
  return insistently({ who: name, everyMs: RAW_EVERY_MS, into: raw, isOver, once })
}
const leaderOf = (stream: string) =>
  patiently(async () => (await bus.jsm.streams.info(stream)).cluster?.leader)
const moveLeader = async (stream: string, server: string) => {
  const wish = JSON.stringify({ placement: { preferred: server } })
  while ((await leaderOf(stream)) !== server) {
    await bus.nc.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, wish).catch(() => {})
    await delay(250)
  }
}
/** Streams and partitions that have their leader on a server. */
const ledOn = async (server: string) => {
  const led = new Set<string>()
  for (const stream of [...NEEDED, KV_OWN]) {
    if ((await leaderOf(stream)) === server) led.add(groupOf(stream))
  }
  await patiently(async () => {
    for await (const { name, cluster } of bus.jsm.consumers.list(CMD)) {
      if (cluster?.leader === server) led.add(groupOf(CMD, name))
    }
  })
  return led
}
for (const fact of await machineFacts(servers.length)) console.log(fact)
const sids = Array.from({ length: SESSIONS }, (_, n) => `spell-${n}`)
await Promise.all(sids.map(sid => createSession(bus, sid)))
const rawBus = await connected('raw')
const ends = [...names.map(name => publishing(rawBus, name)), ...sids.map(prompting)]
await delay(3_000)

const all = {
  raw: [] as number[],
  hit: [] as number[],
  unhit: [] as number[],
  ours: [] as number[],
}
for (let time = 0; time < times; time++) {
  const n = time % servers.length
  const [victim, name] = [servers[n], names[n]] as [(typeof servers)[number], string]
  await moveLeader(`RAW_${name}`, name)
  await delay(1_000)
  const led = await ledOn(name)
  elected.clear()
  note(`${how} ${name}`)
  const fromMs = performance.now()
  await victim[how]()
  await delay(AWAY_MS)
  await victim.restart()
  await delay(WATCH_MS)
  const sinceMs = performance.now()
  // Who still waits is waited for.
  const isLevel = () => sids.every(sid => prompts.some(it => it.who === sid && it.toMs > sinceMs))
  while (!isLevel()) await delay(100)

  const rawMs = spellOf(raw, name, fromMs)
  all.raw.push(rawMs)
  const spells = sids.map(sid => {
    const groups = [...NEEDED.map(stream => groupOf(stream)), groupOf(CMD, `p${partitionOf(sid)}`)]
    const ends = groups.filter(it => led.has(it)).map(it => (elected.get(it) ?? fromMs) - fromMs)
    const spellMs = spellOf(prompts, sid, fromMs)
    const oursMs = spellMs - Math.max(0, ...ends)
    all[ends.length > 0 ? 'hit' : 'unhit'].push(spellMs)
    all.ours.push(oursMs)
    note(
      `spell of ${sid} in p${partitionOf(sid)}: ${Math.round(spellMs)}, ours ${Math.round(oursMs)}`,
    )
    return spellMs
  })
  const streams = [...NEEDED, KV_OWN].filter(stream => led.has(groupOf(stream)))
  const groups = `${streams.join(' ') || 'no stream'} and ${led.size - streams.length} consumers`
  sayWaits(`${how} of the leader of ${groups}: raw ${(rawMs / 1000).toFixed(2)} s; prompts`, spells)
}
running = false
await Promise.all(ends)
sayWaits('raw publisher whose leader was there', all.raw)
sayWaits('prompts whose session needed an election, longest wait per session and time', all.hit)
sayWaits('prompts whose session needed none', all.unhit)
sayWaits('what came on top of the elections', all.ours)
if (trace) {
  const said = owners.flatMap((owner, n) => owner.lines.map(line => `owner.${n} ${line}`))
  writeFileSync(trace, [...timeline, ...said].join('\n'))
}
await scope.end(false)
process.exit(0)
