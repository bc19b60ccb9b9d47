/**
 * How long the sessions of an owner that is killed wait for their next prompt to be recorded: when
 * another owner takes them, and when the same process is started again at once, as a supervisor does.
 * And how long any prompt waits while an owner is asked to stop and others take its sessions, and while it
 * joins again and takes its share, beside the longest wait when nothing happens.
 *
 *   npm run bench:takeover -- [rounds] [nats-servers: 1|3]
 */
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { publishCommand, requestCommand } from '../lib/bus/command.ts'
import { declareStreams } from '../lib/bus/declare.ts'
import { openBus } from '../test/fixtures/bus.ts'
import { startNats, startNatsCluster } from '../test/fixtures/nats-server.ts'
import { createSession, logOf, ownerConfig, promptOf, spawnOwner } from '../test/owner/owners.ts'
import { machineFacts, percentile } from './report.ts'
import { openScope } from './scope.ts'
import { insistently, sayWaits, spellOf, type Wait } from './waits.ts'

/** A cluster on one machine writes everything three times. */
const SESSIONS = process.argv[3] === '3' ? 60 : 300
const PROMPT_EVERY_MS = process.argv[3] === '3' ? 1_000 : 300
const SETTLE_MS = 1_500
const rounds = Number(process.argv[2] ?? 10)
const replicas = process.argv[3] === '3' ? 3 : 1

const scope = openScope()
const servers = replicas === 3 ? await startNatsCluster(scope) : [await startNats(scope)]
const url = servers.map(server => server.url).join()
const bus = await openBus(scope, url)
await declareStreams(bus, { replicas })
const env = { SANDBOX_PROVIDER: 'none', NATS_REPLICAS: String(replicas) }
// The default lease.
const config = ownerConfig(scope, url, { ...env, OWNER_LEASE_MS: '2000' })
const more = { ...env, MAX_UNFINISHED_PROMPTS: '1000000', LOG_LEVEL: 'info' }
const owners = [spawnOwner(scope, config, more), spawnOwner(scope, config, more)]

/** Resolves with the time of the record that answers a request. */
const waiting = new Map<string, (atMs: number) => void>()
bus.nc.subscribe('live.*', {
  callback: (_error, message) => {
    const { sid, request } = message.json<{ sid: string; request: { id: string } | null }>()
    waiting.get(`${sid}/${request?.id}`)?.(performance.now())
  },
})
let count = 0
const promptAll = (sids: readonly string[]): Promise<number[]> => {
  const id = `p${++count}`
  return Promise.all(
    sids.map(async sid => {
      const recorded = new Promise<number>(resolve => waiting.set(`${sid}/${id}`, resolve))
      await publishCommand(bus, sid, promptOf(id), { deadlineMs: 60_000 })
      const atMs = await recorded
      waiting.delete(`${sid}/${id}`)
      return atMs
    }),
  )
}
const nameOf = (owner: { lines: readonly string[] }): string =>
  /owner=(\w+)/.exec(owner.lines.join('\n'))?.[1] ??
  /"owner":"(\w+)"/.exec(owner.lines.join('\n'))?.[1] ??
  ''
/** Sessions by the owner of their newest record. */
const ownedBy = async (sids: readonly string[], name: string): Promise<string[]> => {
  const owned = await Promise.all(
    sids.map(async sid => (await logOf(bus, sid)).at(-1)?.record.owner === name),
  )
  return sids.filter((_, n) => owned[n])
}
const say = (what: string, gapsMs: readonly number[]) => {
  const [p50, p99] = [0.5, 0.99].map(share => (percentile(gapsMs, share) / 1000).toFixed(2))
  const worst = (Math.max(...gapsMs) / 1000).toFixed(2)
  console.log(`${what}: p50 ${p50} s, p99 ${p99} s, worst ${worst} s (${gapsMs.length} sessions)`)
}

for (const fact of await machineFacts(replicas)) console.log(fact)
const sids = Array.from({ length: SESSIONS }, (_, n) => `gap-${n}`)
await Promise.all(sids.map(sid => createSession(bus, sid)))
const taken: number[] = []
const restarted: number[] = []
for (let round = 0; round < rounds * 2; round++) {
  const victim = owners[round % 2] as (typeof owners)[number]
  const isRestart = round >= rounds
  await promptAll(sids)
  const owned = await ownedBy(sids, nameOf(victim))
  // At any point of the lease.
  await delay(Math.random() * 500)
  await victim.kill()
  const killedMs = performance.now()
  if (isRestart) victim.start()
  const atMs = await promptAll(owned)
  const gaps = isRestart ? restarted : taken
  gaps.push(...atMs.map(at => at - killedMs))
  if (!isRestart) victim.start()
  // Until both are at work again.
  do {
    await delay(500)
    await promptAll(sids)
  } while ((await ownedBy(sids, nameOf(victim))).length < SESSIONS / 4)
}
/** Longest waits, each session and time, of sessions by whom they are with. */
const graceful = { calm: [] as number[], stopped: [] as number[], joined: [] as number[] }
for (let round = 0; round < rounds; round++) {
  const victim = owners[round % 2] as (typeof owners)[number]
  await promptAll(sids)
  const owned = await ownedBy(sids, nameOf(victim))
  const prompts: Wait[] = []
  let over = false
  const ends = sids.map(sid =>
    insistently({
      who: sid,
      everyMs: PROMPT_EVERY_MS,
      into: prompts,
      isOver: () => over,
      once: () => requestCommand(bus, sid, promptOf(`g${++count}`)),
    }),
  )
  const during = async (into: number[], some: readonly string[], work: () => Promise<unknown>) => {
    const fromMs = performance.now()
    await work()
    const untilMs = performance.now()
    await delay(SETTLE_MS)
    into.push(...some.map(sid => spellOf(prompts, sid, fromMs, untilMs)))
  }
  await delay(SETTLE_MS)
  await during(graceful.calm, sids, () => delay(SETTLE_MS))
  await during(graceful.stopped, owned, victim.stop)
  await during(graceful.joined, sids, async () => {
    const known = victim.lines.length
    victim.start()
    await victim.until(/owner started/, known)
    await delay(SETTLE_MS)
  })
  over = true
  await Promise.all(ends)
}
say('taken by another', taken)
say('started again at once', restarted)
sayWaits('nothing happens, each session and time', graceful.calm)
sayWaits('asked to stop, its sessions', graceful.stopped)
sayWaits('joins and takes its share, all sessions', graceful.joined)
await scope.end(false)
process.exit(0)
