/**
 * One run: starts a world, loads it, lets things go wrong as planned, makes all good, waits until nothing is
 * left to be done, and compares what everybody was promised and has seen with the log.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { CMD, HOOK, JOB } from '../../subjects/streams.ts'
import type { Finding } from './check/check.ts'
import { checkDeadlines } from './check/deadlines.ts'
import { checkGitHost } from './check/git-host.ts'
import { checkLeftovers, waitingIn } from './check/leftovers.ts'
import { checkLines } from './check/lines.ts'
import { checkPrompts, eventsOf } from './check/prompts.ts'
import { checkRows } from './check/rows.ts'
import { describeSessions, describeStall } from './check/stall.ts'
import { inflict } from './faults.ts'
import {
  type Figures,
  figuresOf,
  type Happened,
  type Longest,
  type Waits,
  waitsOf,
  waysOf,
} from './figures.ts'
import { openLedger } from './ledger.ts'
import { startLoad } from './load/load.ts'
import { type LogReader, type Logs, readLogs } from './log.ts'
import type { Formation, Step } from './plan.ts'
import { type Scope, startWorld, type World } from './world.ts'

export type ChaosOptions = {
  readonly seed: number
  readonly seconds: number
  readonly formation: Formation
  readonly plan: readonly Step[]
  readonly sessions: number
  /** Clients of each session. */
  readonly people: number
  /** Hears what goes on. */
  readonly say?: (text: string) => void
}

export type Outcome = {
  readonly findings: readonly Finding[]
  readonly faults: readonly Happened[]
  readonly figures: Figures
  readonly ways: Readonly<Record<string, Waits>>
  readonly longest: readonly Longest[]
  readonly deadlinesLate: Waits
  readonly prompts: number
  readonly records: number
  /** Seconds after the last fault until nothing was left to be done. */
  readonly settledInSeconds: number
  readonly endings: readonly string[]
}

/** After everything was made good, when nothing but signs of life is recorded. */
const STALLED_AFTER_MS = 60_000
/** And however much is: prompts wait that take the execution time-out each, and machines are slow. */
const SETTLE_WITHIN_MS = 900_000
const ANSWERED_WITHIN_MS = 120_000
const DELIVERED_WITHIN_MS = 15_000

export const runChaos = async (scope: Scope, options: ChaosOptions): Promise<Outcome> => {
  const { seconds, plan, formation, say = () => {} } = options
  const ledger = openLedger()
  const world = await startWorld(scope, options)
  const load = await startLoad(world, ledger, options)
  const reader = readLogs(world.bus, load.sids)
  say(`${load.sids.length} sessions under load`)

  const beganMs = world.nowMs()
  const faults: Happened[] = []
  const happen = async (step: Step) => {
    await wait(Math.max(0, beganMs + step.atMs - world.nowMs()))
    const fromMs = world.nowMs()
    say(`${(step.atMs / 1000).toFixed(1)} s  ${step.role} ${step.n} ${step.kind} ${step.forMs} ms`)
    const makeGood = await inflict(world, step)
    await wait(step.forMs)
    await makeGood()
    faults.push({ ...step, fromMs, toMs: world.nowMs() })
  }
  // A slow machine may take longer to make something good than the plan has thought.
  const last = new Map<string, Promise<void>>()
  const inTurn = (step: Step) => {
    const target = `${step.role} ${step.n}`
    const before = last.get(target) ?? Promise.resolve()
    const happening = before.catch(() => {}).then(() => happen(step))
    last.set(target, happening)
    return happening
  }
  const happened = await Promise.allSettled([...plan.map(inTurn), wait(seconds * 1000)])
  for (const one of happened) {
    if (one.status === 'rejected') ledger.wrongs.push(`a fault was not made good: ${one.reason}`)
  }
  say('all made good')

  const goodMs = world.nowMs()
  const settled = await settle(world, load, { reader, say })
  const settledInSeconds = (world.nowMs() - goodMs) / 1000
  if (settled) {
    ledger.wrongs.push(
      `not settled, ${Math.round(settledInSeconds)} s after all was made good: ${settled}`,
    )
    const unknown = (error: unknown) => [`and it is not known why: ${error}`]
    const stall = [
      ...(await describeStall(world.bus).catch(unknown)),
      ...(await describeSessions(world.bus, await reader.read()).catch(unknown)),
    ]
    ledger.wrongs.push(...stall)
    for (const line of stall) say(line)
  }
  const logs = await reader.read()
  reader.end()
  const deadlines = checkDeadlines(logs)
  const findings: Finding[] = [
    checkPrompts(ledger, logs),
    checkLines(load.watchers, logs),
    deadlines,
    checkGitHost(world.gitHost, ledger, logs),
    await checkLeftovers(world.bus),
  ]
  load.end()
  const owners = Array.from({ length: formation.owner }, (_, n) => world.system.process('owner', n))
  await Promise.all(owners.map(owner => owner.stop()))
  findings.push(await checkRows(world.system.dataDir, logs), {
    name: 'as it was seen: nothing odd',
    looked: ledger.sent.length,
    wrongs: [...ledger.wrongs, ...world.endings],
  })
  return {
    findings,
    faults,
    figures: figuresOf(ledger, faults),
    ...waysOf(ledger, beganMs),
    deadlinesLate: waitsOf(deadlines.lateMs),
    prompts: ledger.sent.length,
    records: [...logs.values()].reduce((sum, records) => sum + records.length, 0),
    settledInSeconds,
    endings: world.endings,
  }
}

const stepsIn = (logs: Logs): number =>
  [...logs.values()]
    .flat()
    .filter(({ record }) => record.events.some(event => event.type !== 'sandbox_observed')).length

type Load = Awaited<ReturnType<typeof startLoad>>

/** Waits until all is done, and says what for. @returns what is not, when it takes too long */
const settle = async (
  world: World,
  load: Load,
  { reader, say }: { readonly reader: LogReader; readonly say: (text: string) => void },
): Promise<string | undefined> => {
  let said: string | undefined
  let recorded = 0
  let recordedMs = world.nowMs()
  const endMs = recordedMs + SETTLE_WITHIN_MS
  const late = wait(ANSWERED_WITHIN_MS, 'somebody waits for an answer', { ref: false })
  const unanswered = await Promise.race([load.rest(), late])
  if (unanswered) return unanswered
  say('everybody has got an answer')
  for (;;) {
    const left = await unfinished(world, load, reader).catch(error => String(error))
    const nowMs = world.nowMs()
    const count = stepsIn(await reader.read().catch(() => new Map()))
    if (count > recorded) recordedMs = nowMs
    recorded = Math.max(recorded, count)
    const isStalled = nowMs > recordedMs + STALLED_AFTER_MS || nowMs > endMs
    if (left === undefined || isStalled) return left
    if (left !== said) say(`waiting: ${left}`)
    said = left
    await wait(300)
  }
}

const unfinished = async (
  { bus }: World,
  load: Load,
  reader: LogReader,
): Promise<string | undefined> => {
  // What is done last of a job may be a webhook, and of that a command: looked at in this order.
  const waits = async (stream: string) => {
    const count = await waitingIn(bus, stream)
    return count > 0 ? `${count} messages in ${stream}` : undefined
  }
  const job = await waits(JOB)
  if (job) return job
  const late = wait(DELIVERED_WITHIN_MS, 'webhooks that no api takes', { ref: false })
  const undelivered = await Promise.race([load.delivered(), late])
  if (undelivered) return undelivered
  const message = (await waits(HOOK)) ?? (await waits(CMD))
  if (message) return message
  const logs = await reader.read()
  for (const [sid, records] of logs) {
    const open =
      eventsOf(records, 'prompt_queued').length - eventsOf(records, 'prompt_finished').length
    if (open > 0) return `${open} prompts of ${sid} are not over`
    const asked =
      eventsOf(records, 'pull_request_requested').length -
      eventsOf(records, 'pull_request_settled').length
    if (asked > 0) return `a pull request of ${sid} is not over`
    const newest = eventsOf(records, 'timeline').at(-1)?.sequence ?? 0
    const behind = load.watchers.find(
      watcher => watcher.sid === sid && watcher.session.view.sequence < newest,
    )
    if (behind) return `${behind.name} stands at ${behind.session.view.sequence} of ${newest}`
  }
  return undefined
}
