/**
 * The chaos suite, short: one nats-server, a plan of a fresh seed, which is printed. `npm run chaos` is the
 * same for longer and on a cluster.
 */
import process from 'node:process'
import t from 'tap'
import { makePlan } from './plan.ts'
import { runChaos } from './run.ts'
import { usualFormation } from './world.ts'

const SECONDS = 15
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e6))

t.test(`chaos with SEED=${seed}`, { timeout: 280_000 }, async t => {
  const formation = usualFormation(1)
  const plan = makePlan({ seed, seconds: SECONDS, formation })
  const say = (text: string) => t.comment(text)
  const options = { seed, seconds: SECONDS, formation, plan, sessions: 4, people: 2, say }
  const outcome = await runChaos(t, options)
  for (const { name, looked, wrongs } of outcome.findings) t.same(wrongs, [], `${name} (${looked})`)
  t.ok(outcome.prompts > 50, `${outcome.prompts} prompts were load enough`)
})
