import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { takeLease } from '../../lib/owner/lease.ts'
import { followPartitions } from '../../lib/owner/partitions.ts'
import { PARTITIONS } from '../../subjects/partition.ts'
import { startBus } from '../fixtures/bus.ts'
import { testLog } from './owners.ts'

/** How long the slow one takes: longer than the pause after a failure. */
const SLOW_MS = 1_000

t.test('a claim that fails neither keeps the others nor is passed by a second look', async t => {
  const { bus } = await startBus(t)
  const { log } = testLog(t, 'owner')
  const nothing = () => {}
  const events = { onLost: nothing, onRegained: nothing, onUsurped: nothing }
  const identity = { owner: 'o1', incarnation: 'i1', leaseMs: 10_000, log }
  const lease = await takeLease(bus, { ...identity, ...events })
  t.teardown(() => lease.release())

  const opened = new Map<number, number>()
  const working = new Map<number, number>()
  const all = Promise.withResolvers<void>()
  const partitions = await followPartitions(bus, lease, {
    log,
    open: async claim => {
      const { p } = claim
      const times = (opened.get(p) ?? 0) + 1
      opened.set(p, times)
      if (p === 3 && times === 1) throw new Error('timeout')
      if (p === 4 && times === 1) await wait(SLOW_MS)
      working.set(p, (working.get(p) ?? 0) + 1)
      if (working.size === PARTITIONS) all.resolve()
      return {
        claim,
        drop: async () => {
          working.set(p, (working.get(p) ?? 0) - 1)
        },
      }
    },
  })
  await all.promise
  await partitions.close()
  t.equal(opened.get(4), 1, 'the slow one is waited for')
  t.equal(opened.get(3), 2, 'the one that failed is tried again')
  t.same(
    [...working.values()].filter(count => count !== 0),
    [],
    'none is left at work unknown',
  )
})
