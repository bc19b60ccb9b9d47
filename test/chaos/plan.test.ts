import t from 'tap'
import { ROLES } from './faults.ts'
import { makePlan } from './plan.ts'
import { usualFormation } from './world.ts'

const plan = (seed: number) => makePlan({ seed, seconds: 600, formation: usualFormation(3) })

t.test('a seed is a plan', async t => {
  t.same(plan(7), plan(7))
  t.notSame(plan(7), plan(8))
})

t.test('in time everything goes wrong that can, and nats-servers one at a time', async t => {
  const steps = plan(1)
  for (const [role, faults] of Object.entries(ROLES)) {
    for (const { kind } of faults) {
      t.ok(
        steps.some(step => step.role === role && step.kind === kind),
        `${role} ${kind}`,
      )
    }
  }
  const servers = steps.filter(step => step.role === 'nats')
  for (const [i, { atMs, forMs }] of servers.slice(0, -1).entries()) {
    t.ok((servers[i + 1]?.atMs ?? 0) > atMs + forMs, 'one is back before the next is away')
  }
  t.ok(
    steps.every(({ atMs, forMs }) => atMs + forMs <= 600_000),
    'all is made good in the end',
  )
})
