/**
 * Random sequences of commands: clients, sandboxes that crash, reconnect and speak too late, messages
 * that come twice, deadlines that fire early, late or when nobody wants them any more. After every
 * command the invariants hold; driven to rest, every accepted prompt has ended exactly once.
 *
 * A failing run prints its seed: `SEED=<n> npx tap test/session/properties.test.ts` runs it again.
 */
import fc from 'fast-check'
import t from 'tap'
import { invariants } from './invariants.ts'
import { MOVE_KINDS, type Move, World } from './world.ts'

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
const RUNS = Number(process.env.RUNS ?? 400)
t.comment(`SEED=${SEED} RUNS=${RUNS}`)

const small = fc.integer({ min: 0, max: 3 })
/** Mostly short, sometimes long enough for any timeout. */
const pause = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 3_000 }) },
  { weight: 3, arbitrary: fc.integer({ min: 3_000, max: 100_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 100_000, max: 8_000_000 }) },
)
const move: fc.Arbitrary<Move> = fc.record({
  kind: fc.constantFrom(...MOVE_KINDS),
  a: small,
  b: small,
  pauseMs: pause,
})
const moves = fc.array(move, { minLength: 1, maxLength: 80 })

t.test('whatever comes, the invariants hold', async t => {
  fc.assert(
    fc.property(moves, all => {
      const world = new World()
      for (const one of all) {
        world.make(one)
        invariants(world)
      }
    }),
    { seed: SEED, numRuns: RUNS },
  )
  t.pass()
})

t.test('driven to rest, every accepted prompt has ended exactly once', async t => {
  fc.assert(
    fc.property(moves, all => {
      const world = new World()
      for (const one of all) world.make(one)
      world.rest()
      invariants(world)
      const { state } = world
      if (state.running || state.queue.length || state.stopping) throw new Error('not at rest')
      const accepted = world.eventsOf('prompt_queued').map(one => one.messageId)
      const finished = world.eventsOf('prompt_finished').map(one => one.messageId)
      if (accepted.join() !== finished.join()) throw new Error('not every prompt ended, in order')
    }),
    { seed: SEED, numRuns: RUNS },
  )
  t.pass()
})
