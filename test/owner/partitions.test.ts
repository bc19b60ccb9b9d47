import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import type { Bus } from '../../lib/bus/connect.ts'
import { takeLease } from '../../lib/owner/lease.ts'
import { followPartitions } from '../../lib/owner/partitions.ts'
import { desiredOwner } from '../../lib/owner/rendezvous.ts'
import { PARTITIONS } from '../../subjects/partition.ts'
import { partitionSubject } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { testLog } from './owners.ts'

/** How long the slow one takes: longer than the pause after a failure. */
const SLOW_MS = 1_000

const leaseOf = async (t: Parameters<typeof testLog>[0], bus: Bus, owner: string) => {
  const { log } = testLog(t, owner)
  const nothing = () => {}
  const events = { onLost: async () => {}, onUsurped: nothing }
  const incarnation = `${owner}-1`
  const lease = await takeLease(bus, { owner, incarnation, leaseMs: 10_000, log, ...events })
  t.teardown(() => lease.release())
  return { lease, log }
}

t.test('a claim that fails neither keeps the others nor is passed by a second look', async t => {
  const { bus } = await startBus(t)
  const { lease, log } = await leaseOf(t, bus, 'o1')
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

t.test(
  'what is ours by a claim that was never answered, and should be another’s, is let go',
  async t => {
    const { bus } = await startBus(t)
    const owners = await Promise.all(['o1', 'o2'].map(owner => leaseOf(t, bus, owner)))
    // As a claim does whose answer is lost: o1 holds the key and knows nothing of it.
    const orphan = Array.from({ length: PARTITIONS }, (_, p) => p).find(
      p => desiredOwner(p, ['o1', 'o2']) === 'o2',
    ) as number
    const key = { v: 1, owner: 'o1', incarnation: 'o1-1', state: 'owned', epoch: null }
    await bus.js.publish(partitionSubject(orphan), JSON.stringify(key))
    const taken = Promise.withResolvers<string>()
    const followed = await Promise.all(
      owners.map(({ lease, log }) =>
        followPartitions(bus, lease, {
          log,
          open: async claim => {
            if (claim.p === orphan) taken.resolve(lease.owner)
            return { claim, drop: async () => {} }
          },
        }),
      ),
    )
    t.equal(await taken.promise, 'o2')
    await Promise.all(followed.map(partitions => partitions.close()))
  },
)
