/**
 * The whole system on three nats-servers that keep everything three times: each of them is killed in turn,
 * and owners and edges are restarted between, under load. Nothing is lost, doubled or reordered, and nobody
 * has to do anything.
 */
import process from 'node:process'
import t from 'tap'
import { runChaos } from '../chaos/run.ts'
import { planOf } from '../chaos/scenarios.ts'
import { usualFormation } from '../chaos/world.ts'

const SECONDS = 26

t.test('any nats-server may die', { timeout: 280_000 }, async t => {
  const seed = Number(process.env.SEED ?? 5)
  const formation = usualFormation(3)
  const say = (text: string) => t.comment(text)
  const plan = planOf('cluster', { seed, seconds: SECONDS, formation })
  const load = { sessions: 3, people: 2 }
  const outcome = await runChaos(t, { seed, seconds: SECONDS, formation, plan, ...load, say })
  for (const { name, looked, wrongs } of outcome.findings) t.same(wrongs, [], `${name} (${looked})`)
  t.equal(outcome.faults.length, plan.length)
  const { all } = outcome.figures
  t.comment(`${outcome.prompts} prompts, accepted within ${JSON.stringify(all?.prompts)} ms`)
})
