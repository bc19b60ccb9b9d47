/**
 * bench: figures of this system, each beside a raw baseline from the same run on the same machine.
 * Sets no target; it is there so that nobody builds something slow without noticing.
 *
 *   npm run bench -- [--quick] [sqlite] [latency] [idle-memory] [fan-out] [rate]
 */
import process from 'node:process'
import { benchFanOut } from './fan-out.ts'
import { benchIdleMemory } from './idle-memory.ts'
import { benchLatency, benchRate } from './prompts.ts'
import { type Figure, machineFacts, type Sizes, tableOf } from './report.ts'
import { openScope, type Scope } from './scope.ts'
import { benchSqlite } from './sqlite.ts'
import { type Stage, startStage } from './stage.ts'

type Scenario = (scope: Scope, sizes: Sizes) => Promise<Figure[]>

/** One stage serves all that need one; after a failure the next gets a new one. */
let stage: { scope: Scope; ready: Promise<Stage> } | undefined
const endStage = async (failed: boolean): Promise<void> => {
  const ending = stage?.scope
  stage = undefined
  await ending?.end(failed)
}
const staged =
  (scenario: (stage: Stage) => Scenario): Scenario =>
  async (scope, sizes) => {
    if (!stage) {
      const stageScope = openScope()
      stage = { scope: stageScope, ready: startStage(stageScope) }
    }
    return scenario(await stage.ready)(scope, sizes)
  }

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  sqlite: benchSqlite,
  latency: staged(benchLatency),
  'idle-memory': staged(benchIdleMemory),
  'fan-out': staged(benchFanOut),
  rate: staged(benchRate),
}
/** All of it ends by then; what hangs is a finding, and what was measured before is printed. */
const BUDGET_MS = { quick: 110_000, full: 900_000 }

const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the time for all benches is over')), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

const args = process.argv.slice(2)
const quick = args.includes('--quick')
const names = args.filter(arg => arg !== '--quick')
for (const name of names) {
  if (SCENARIOS[name]) continue
  console.error(`There is no bench "${name}". There are: ${Object.keys(SCENARIOS).join(', ')}.`)
  process.exit(2)
}

const endMs = performance.now() + (quick ? BUDGET_MS.quick : BUDGET_MS.full)
// What a scenario that failed has left waiting may fail as well while its processes end.
process.on('unhandledRejection', error => console.error(`left over: ${error}`))
for (const fact of await machineFacts()) console.log(fact)
const figures: Figure[] = []
let failed = false
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  if (names.length > 0 && !names.includes(name)) continue
  process.stderr.write(`${name} ...\n`)
  const scope = openScope()
  const leftMs = Math.max(0, endMs - performance.now())
  const error = await within(leftMs, scenario(scope, { quick })).then(
    found => void figures.push(...found),
    thrown => thrown as Error,
  )
  if (error) {
    failed = true
    console.error(`${name} failed: ${error.stack}`)
  }
  await scope.end(error !== undefined)
  if (error) await endStage(true)
}
await endStage(false)
console.log(`\n${tableOf(figures).join('\n')}`)
process.exit(failed ? 1 : 0)
