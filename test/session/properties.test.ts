/**
 * Random sequences of commands: clients, sandboxes that crash, reconnect and speak too late, messages
 * that come twice, deadlines that fire early, late or when nobody wants them any more. After every
 * command the invariants hold; driven to rest, every accepted prompt has ended exactly once.
 *
 * A failing run prints its seed: `SEED=<n> npx tap test/session/properties.test.ts` runs it again.
 */
import fc from 'fast-check'
import t from 'tap'
import { invariants, logInvariants } from './invariants.ts'
import { MOVE_KINDS, type Move, type MoveKind, World } from './world.ts'

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
const RUNS = Number(process.env.RUNS ?? 150)
t.comment(`SEED=${SEED} RUNS=${RUNS}`)

const small = fc.integer({ min: 0, max: 3 })
/** Mostly short, sometimes long enough for any timeout. */
const pauseMs = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 3_000 }) },
  { weight: 4, arbitrary: fc.integer({ min: 3_000, max: 100_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 100_000, max: 8_000_000 }) },
)
/** What a session mostly consists of; anything may come in between. */
const kind = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom<MoveKind>('prompt', 'connect', 'events', 'complete', 'delivered'),
  },
  { weight: 4, arbitrary: fc.constantFrom(...MOVE_KINDS) },
)
const move: fc.Arbitrary<Move> = fc.record({ kind, a: small, b: small, pauseMs })
const moves = fc.array(move, { minLength: 20, maxLength: 100, size: 'max' })

t.test('whatever comes, the invariants hold', async t => {
  fc.assert(
    fc.property(moves, all => {
      const world = new World()
      for (const one of all) {
        world.make(one)
        invariants(world)
      }
      logInvariants(world)
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
      logInvariants(world)
      const { state } = world
      if (state.running || state.queue.length || state.stopping) throw new Error('not at rest')
      const ids = (type: `prompt_${'queued' | 'cancelled' | 'dropped' | 'finished'}`) =>
        world.eventsOf(type).map(one => one.messageId)
      const ended = [
        ...ids('prompt_cancelled'),
        ...ids('prompt_dropped'),
        ...ids('prompt_finished'),
      ]
      if (ids('prompt_queued').sort().join() !== ended.sort().join()) {
        throw new Error('not every prompt ended once')
      }
    }),
    { seed: SEED, numRuns: RUNS },
  )
  t.pass()
})
