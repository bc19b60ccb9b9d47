/**
 * Where the time goes: what each process takes of a processor for a thousand prompts that run to their
 * end, messages stored for one of them, and the functions that take most.
 *
 *   npm run bench:where -- [seconds] [functions of each process; 0: none, and nothing is slowed down]
 */
import process from 'node:process'
import { CMD, EVT, IDX, JOB, TMR } from '../subjects/streams.ts'
import { openBus } from '../test/fixtures/bus.ts'
import { connectClient } from './client.ts'
import { cpuMs, inspect, startProfile } from './profile.ts'
import { rate } from './prompts.ts'
import { machineFacts } from './report.ts'
import { openScope } from './scope.ts'
import { startStage } from './stage.ts'

const seconds = Number(process.argv[2] ?? 8)
const most = Number(process.argv[3] ?? 20)
const SESSIONS = 50
const WARM_SECONDS = 3
const ROLES = ['owner', 'edge', 'api'] as const
const STREAMS = [CMD, EVT, IDX, TMR, JOB]

const scope = openScope()
for (const fact of await machineFacts()) console.log(fact)
const { system, session } = await startStage(scope)
const bus = await openBus(scope, system.nats.url, 'where')
const sessions = await Promise.all(Array.from({ length: SESSIONS }, session))
const clients = await Promise.all(
  sessions.map(({ url, token }) => connectClient(scope, url, token)),
)
await rate(clients, WARM_SECONDS)

const pids = [...ROLES.map(role => system.process(role).pid()), system.nats.pid(), process.pid]
const stored = async () =>
  Promise.all(STREAMS.map(async name => (await bus.jsm.streams.info(name)).state.last_seq))
const profiles =
  most === 0
    ? []
    : await Promise.all(
        ROLES.map(async role => startProfile(await inspect(scope, system, role), most)),
      )
const before = { cpu: pids.map(cpuMs), stored: await stored() }
const startMs = performance.now()
const perSecond = await rate(clients, seconds)
const prompts = (perSecond * (performance.now() - startMs)) / 1000
const after = { cpu: pids.map(cpuMs), stored: await stored() }

const each = (names: readonly string[], from: readonly number[], to: readonly number[]) => {
  const per = (n: number) => ((to[n] ?? 0) - (from[n] ?? 0)) / prompts
  return (scale: number, digits: number) =>
    names.map((name, n) => `${name} ${(per(n) * scale).toFixed(digits)}`).join(', ')
}
console.log(`${perSecond.toFixed(0)} prompts/s, ${SESSIONS} sessions`)
const names = [...ROLES, 'nats-server', 'clients']
console.log(`processor, ms for 1,000: ${each(names, before.cpu, after.cpu)(1000, 0)}`)
console.log(`messages for one: ${each(STREAMS, before.stored, after.stored)(1, 2)}`)
for (const [n, lines] of profiles.entries()) {
  console.log(`\n${ROLES[n]}: ${(await lines()).join('\n')}`)
}
await scope.end(false)
process.exit(0)
