/**
 * The chaos suite by hand: `npm run chaos -- --seed 7 --seconds 300`. Prints what it does and the path of
 * its report, and fails when anything was wrong. The same seed makes the same faults and the same load.
 */
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openScope } from '../../bench/scope.ts'
import { ensureNatsServer, natsVersion } from '../../lib/process/nats-binary.ts'
import { writeReport } from './report.ts'
import { runChaos } from './run.ts'
import { planOf, SCENARIOS, type ScenarioName } from './scenarios.ts'
import { usualFormation } from './world.ts'

const REPORTS = fileURLToPath(new URL('../../.chaos', import.meta.url))

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    seconds: { type: 'string', default: '60' },
    sessions: { type: 'string', default: '8' },
    servers: { type: 'string', default: '3' },
    people: { type: 'string', default: '2' },
    scenario: { type: 'string', default: 'chance' },
  },
})
const number = (name: keyof typeof values): number => {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= 0) return value
  throw new Error(`--${name} ${values[name]} is no whole number`)
}

const say = (text: string) => void process.stdout.write(`${text}\n`)
const [seed, seconds, sessions] = [number('seed'), number('seconds'), number('sessions')]
const formation = usualFormation(number('servers') > 1 ? 3 : 1)
const scenario = values.scenario as ScenarioName
if (!Object.hasOwn(SCENARIOS, scenario)) {
  throw new Error(`--scenario is one of ${Object.keys(SCENARIOS).join(', ')}`)
}
const plan = planOf(scenario, { seed, seconds, formation })
say(`${scenario}, seed ${seed}: ${plan.length} faults in ${seconds} s`)
const program = await ensureNatsServer(process.env, say)
const scope = openScope()
const heard: unknown[] = []
let fine = false
let folder: string | undefined
try {
  const options = { seed, seconds, formation, plan, sessions, people: number('people') }
  const hearing = { ...scope, comment: (...text: unknown[]) => void heard.push(...text) }
  const outcome = await runChaos(hearing, { ...options, say })
  for (const { name, looked, wrongs } of outcome.findings) {
    say(`${wrongs.length === 0 && looked > 0 ? 'ok    ' : 'not ok'}  ${name} (${looked})`)
    for (const wrong of wrongs) say(`        ${wrong}`)
  }
  const version = (await natsVersion(program)) ?? 'unknown'
  const report = writeReport(REPORTS, { options, outcome, natsVersion: version, atMs: Date.now() })
  fine = report.fine
  folder = dirname(report.path)
  say(`Report: ${report.path}`)
} finally {
  await scope.end(!fine)
  // What the processes have said, when something was wrong.
  if (folder && heard.length > 0) writeFileSync(join(folder, 'processes.log'), heard.join('\n'))
}
process.exit(fine ? 0 : 1)
