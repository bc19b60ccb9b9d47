/**
 * The whole system on three nats-servers that keep everything three times: each of them is killed in turn,
 * and owners and edges are restarted between, under load. Nothing is lost, doubled or reordered, and nobody
 * has to do anything.
 */
import process from 'node:process'
import t from 'tap'
import type { Step } from '../chaos/plan.ts'
import { runChaos } from '../chaos/run.ts'
import { usualFormation } from '../chaos/world.ts'

const SECONDS = 32
const killed = (atMs: number, n: number): Step => ({
  atMs,
  role: 'nats',
  n,
  kind: 'kill',
  forMs: 1_500,
})
const restarted = (atMs: number, role: 'owner' | 'edge', n: number): Step => ({
  atMs,
  role,
  n,
  kind: 'restart',
  forMs: 0,
})
const PLAN = [
  killed(2_000, 0),
  restarted(7_000, 'owner', 0),
  restarted(9_000, 'edge', 0),
  killed(12_000, 1),
  restarted(17_000, 'owner', 1),
  restarted(19_000, 'edge', 1),
  killed(22_000, 2),
]

t.test('any nats-server may die', { timeout: 240_000 }, async t => {
  const seed = Number(process.env.SEED ?? 5)
  const formation = usualFormation(3)
  const say = (text: string) => t.comment(text)
  const load = { sessions: 3, people: 2 }
  const outcome = await runChaos(t, { seed, seconds: SECONDS, formation, plan: PLAN, ...load, say })
  for (const { name, looked, wrongs } of outcome.findings) t.same(wrongs, [], `${name} (${looked})`)
  t.equal(outcome.faults.length, PLAN.length)
  const { all } = outcome.figures
  t.comment(`${outcome.prompts} prompts, accepted within ${JSON.stringify(all?.prompts)} ms`)
})
