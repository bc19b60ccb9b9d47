/**
 * What sleeping sessions cost: memory of every process, disk, and how long one takes to wake. Sessions
 * are created over the bus in steps, left to sleep, then a sample of them is woken. In the end sockets
 * are connected to sessions that sleep again behind them.
 *
 *   npm run bench:sleepers -- [steps, e.g. 1000,10000,100000] [sockets] [local: with sandboxes, eight at a time]
 */
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { ask } from '../lib/bus/ask.ts'
import { publishCommand, requestCommand } from '../lib/bus/command.ts'
import { armTimer } from '../lib/owner/timers.ts'
import { CMD, JOB } from '../subjects/streams.ts'
import { sessionId } from '../subjects/subjects.ts'
import { openBus } from '../test/fixtures/bus.ts'
import type { Role } from '../test/fixtures/child-process.ts'
import { startSystem } from '../test/fixtures/system.ts'
import { creation } from '../test/owner/owners.ts'
import { bytesHeld, INSPECTABLE, weighProcess } from './memory.ts'
import { cpuMs } from './profile.ts'
import { machineFacts, percentile } from './report.ts'
import { openScope } from './scope.ts'

const steps = (process.argv[2] ?? '1000,10000').split(',').map(Number)
const sockets = Number(process.argv[3] ?? 1_000)
const hasSandboxes = process.argv[4] === 'local'
const IDLE_MS = 5_000
const AT_ONCE = 400
const SAMPLE = 200
const DEADLINES = 10_000
const patience = { deadlineMs: 120_000 }

const scope = openScope()
const system = await startSystem(scope, {
  env: {
    LOG_LEVEL: 'info',
    SESSION_IDLE_MS: String(IDLE_MS),
    SANDBOX_LIMIT: '8',
    ...INSPECTABLE,
  },
  ...(hasSandboxes ? { provider: 'local' } : {}),
})
const bus = await openBus(scope, system.nats.url, 'sleepers')
const ROLES: Role[] = ['owner', 'edge', 'api', ...(hasSandboxes ? ['sandboxes' as const] : [])]
const scales = await Promise.all(ROLES.map(role => weighProcess(scope, system, role)))

const inParallel = async <T>(items: Iterable<T>, work: (item: T) => Promise<unknown>) => {
  const rest = items[Symbol.iterator]()
  const worker = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
const sidOf = (n: number): string => `sleeper-${n}`
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
const sample = (total: number): string[] =>
  range(0, SAMPLE).map(() => sidOf(Math.floor(Math.random() * total)))
const megabytes = (bytes: number) => (bytes / 1024 ** 2).toFixed(0)
const diskOf = (folder: string): number =>
  Number(execFileSync('du', ['-sk', folder]).toString().split('\t')[0]) * 1024

/** Nothing waits to be decided or done. */
const quiet = async () => {
  const waits = async (stream: string) => (await bus.jsm.streams.info(stream)).state.messages > 0
  while ((await waits(CMD)) || (await waits(JOB))) await delay(100)
}

/** Nothing waits, and the owner does not let go of anything any more. */
const asleep = async () => {
  await quiet()
  let least = Number.POSITIVE_INFINITY
  for (let still = 0; still < 2; ) {
    await delay(IDLE_MS * 2)
    const now = (await scales[0]?.())?.used ?? 0
    still = now > least * 0.99 ? still + 1 : 0
    least = Math.min(least, now)
  }
}
const wake = async (sids: readonly string[], work: (sid: string) => Promise<unknown>) => {
  const tookMs: number[] = []
  for (const sid of sids) {
    const startMs = performance.now()
    await work(sid)
    tookMs.push(performance.now() - startMs)
  }
  return `${percentile(tookMs, 0.5).toFixed(1)} / ${percentile(tookMs, 0.99).toFixed(1)} ms`
}
const weigh = async () => {
  const held = await Promise.all(scales.map(scale => scale()))
  const cells = held.map(({ held, used }) => `${megabytes(held)} (${megabytes(used)})`)
  return [...cells, megabytes(bytesHeld(system.nats.pid()))]
}
const row = (cells: readonly string[]) => console.log(cells.map(cell => cell.padStart(15)).join(''))

for (const fact of await machineFacts()) console.log(fact)
console.log('memory held (of that, objects in use)')
row(['sessions', ...ROLES.map(role => `${role} MB`), 'nats MB', 'nats disk MB', 'rows MB'])
row(['0', ...(await weigh())])
let total = 0
for (const step of steps) {
  const startMs = performance.now()
  await inParallel(range(total, step), n => publishCommand(bus, sidOf(n), creation(), patience))
  while ((await bus.jsm.streams.info(CMD)).state.messages > 0) await delay(100)
  const perSecond = (step - total) / ((performance.now() - startMs) / 1000)
  const jobs = (await bus.jsm.streams.info(JOB)).state.messages
  await quiet()
  const quietS = ((performance.now() - startMs) / 1000).toFixed(0)
  total = step
  await asleep()
  const disk = diskOf(system.nats.folder)
  const rows = diskOf(join(system.dataDir, 'owner'))
  row([String(total), ...(await weigh()), megabytes(disk), megabytes(rows)])
  const questions = await wake(sample(total), sid => ask(bus, { v: 1, type: 'snapshot', sid }))
  await asleep()
  const commands = await wake(sample(total), sid =>
    requestCommand(bus, sid, {
      v: 1,
      type: 'set_title',
      userId: 'alice',
      title: randomBytes(8).toString('hex'),
    }),
  )
  const created = `${perSecond.toFixed(0)} created/s, then ${jobs} jobs waited; all done after ${quietS} s`
  console.log(
    `  ${created}; woken by a question ${questions}, by a command ${commands} (p50 / p99)`,
  )
}

const pids = [...ROLES.map(role => system.process(role).pid()), system.nats.pid()]
/** What each process takes of a processor while nothing happens. */
const idleShares = async () => {
  const used = pids.map(cpuMs)
  await delay(20_000)
  return pids.map((pid, n) => `${((cpuMs(pid) - (used[n] ?? 0)) / 200).toFixed(1)} %`).join(', ')
}
console.log(`processor, nothing waits (${[...ROLES, 'nats'].join(', ')}): ${await idleShares()}`)
const inAnHourMs = Date.now() + 3_600_000
const unarmed = await weigh()
await inParallel(range(0, DEADLINES), n =>
  armTimer(bus, sessionId(sidOf(n)), { name: 'execution', atMs: inAnHourMs + n }),
)
console.log(`MB before ${DEADLINES} pending deadlines: ${unarmed}; with them: ${await weigh()}`)
console.log(`processor with them: ${await idleShares()}`)

const edge = (system.edges[0] ?? '').replace(/^http/, 'ws')
/** @returns false when the socket was closed before anything came over it, as when the machine is too busy */
const connect = async (sid: string, token: string): Promise<boolean> => {
  const socket = new WebSocket(`${edge}/sessions/${sid}/ws`)
  scope.teardown(() => socket.terminate())
  socket.once('open', () =>
    socket.send(JSON.stringify({ type: 'subscribe', token, clientId: 'bench' })),
  )
  const heard = once(socket, 'message').then(() => true)
  const closed = once(socket, 'close').then(() => false)
  return Promise.race([heard, closed]).catch(() => false)
}
const before = await weigh()
await inParallel(range(0, sockets), async n => {
  const sid = sidOf(n % total)
  const token = randomBytes(16).toString('hex')
  const tokenHash = createHash('sha256').update(token).digest('hex')
  const user = { userId: 'alice' }
  await requestCommand(bus, sid, { v: 1, type: 'issue_ws_token', tokenHash, user }, patience)
  while (!(await connect(sid, token))) await delay(1_000)
})
await asleep()
console.log(
  `before ${sockets} sockets (${[...ROLES, 'nats'].join(', ')} MB): ${before.slice(0, 4)}`,
)
console.log(`with them, their sessions asleep:                  ${await weigh()}`)
console.log(`processor with them: ${await idleShares()}`)
const restartMs = performance.now()
await system.process('api').kill()
await system.process('api').start()
const listed = await system.call('GET', '/sessions?limit=1')
const pageMs = (performance.now() - restartMs).toFixed(0)
console.log(`api killed and started: first page after ${pageMs} ms (${listed.status})`)
await scope.end(false)
process.exit(0)
