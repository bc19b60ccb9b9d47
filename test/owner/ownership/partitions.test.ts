import { EventEmitter, once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import type { Bus } from '../../../lib/bus/connect.ts'
import { followHandOvers } from '../../../lib/owner/ownership/hand-over.ts'
import { takeLease } from '../../../lib/owner/ownership/lease.ts'
import { type PartitionEntry, watchOwn } from '../../../lib/owner/ownership/own-watch.ts'
import { followPartitions } from '../../../lib/owner/ownership/partitions.ts'
import { desiredOwner } from '../../../lib/owner/ownership/rendezvous.ts'
import { claimPartition } from '../../../lib/owner/ownership/takeover.ts'
import { PARTITIONS } from '../../../subjects/partition.ts'
import { partitionSubject } from '../../../subjects/subjects.ts'
import { startBus } from '../../fixtures/bus.ts'
import { testLog } from '../owners.ts'

/** How long the slow one takes: longer than the pause after a failure. */
const SLOW_MS = 1_000

const leaseOf = async (t: Parameters<typeof testLog>[0], bus: Bus, owner: string) => {
  const { log } = testLog(t, owner)
  const nothing = () => {}
  const events = { onLost: async () => {}, onUsurped: nothing }
  const incarnation = `${owner}-1`
  const lease = await takeLease(bus, { owner, incarnation, leaseMs: 10_000, log, ...events })
  t.teardown(() => lease.release())
  return { lease, log, handOvers: followHandOvers(bus, owner) }
}

t.test('a claim that fails neither keeps the others nor is passed by a second look', async t => {
  const { bus } = await startBus(t)
  const { lease, ...own } = await leaseOf(t, bus, 'o1')
  const opened = new Map<number, number>()
  const working = new Map<number, number>()
  const all = Promise.withResolvers<void>()
  const partitions = await followPartitions(bus, lease, {
    ...own,
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
        warm: () => [],
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
      owners.map(({ lease, ...own }) =>
        followPartitions(bus, lease, {
          ...own,
          open: async claim => {
            if (claim.p === orphan) taken.resolve(lease.owner)
            return { claim, drop: async () => {}, warm: () => [] }
          },
        }),
      ),
    )
    t.equal(await taken.promise, 'o2')
    await Promise.all(followed.map(partitions => partitions.close()))
  },
)

const EVERY = Array.from({ length: PARTITIONS }, (_, p) => p)

/** An owner of partitions that do nothing, and what it holds. */
const holder = async (
  bus: Bus,
  { lease, ...own }: Awaited<ReturnType<typeof leaseOf>>,
  more: { readonly takenWithinMs?: number } = {},
) => {
  const epochs = new Map<number, number>()
  const news = new EventEmitter()
  const partitions = await followPartitions(bus, lease, {
    ...own,
    ...more,
    open: async claim => {
      epochs.set(claim.p, claim.epoch)
      news.emit('change')
      return {
        claim,
        drop: async () => {
          if (epochs.get(claim.p) === claim.epoch) epochs.delete(claim.p)
          news.emit('change')
        },
        warm: () => [],
      }
    },
  })
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await once(news, 'change')
  }
  return { partitions, epochs, until }
}

t.test('what is held is confirmed in its epoch, unless another has taken it', async t => {
  const { bus } = await startBus(t)
  const { partitions, epochs, until } = await holder(bus, await leaseOf(t, bus, 'o1'))
  await until(() => epochs.size === PARTITIONS)
  const before = new Map(epochs)
  const watch = await watchOwn(bus, () => {})
  const judged = watch.partitions.get(7)
  watch.close()
  const rival = { owner: 'o2', incarnation: 'o2-1' }
  const taken = await claimPartition(bus, 5, rival, watch.partitions.get(5))
  t.ok(taken)
  await partitions.confirm()
  await until(() => epochs.get(5) !== before.get(5))
  const others = EVERY.filter(p => p !== 5)
  t.same(
    others.filter(p => epochs.get(p) !== before.get(p)),
    [],
    'all others go on in their epochs',
  )
  t.equal(
    await claimPartition(bus, 7, rival, judged),
    undefined,
    'who has judged before is too late',
  )
  await partitions.close()
})

t.test('nobody takes from who is not there while leases cannot be renewed', async t => {
  const { bus } = await startBus(t)
  const own = await leaseOf(t, bus, 'o1')
  const ghost = { v: 1, owner: 'o2', incarnation: 'o2-1', state: 'owned', epoch: null }
  await bus.js.publish(partitionSubject(3), JSON.stringify(ghost))
  const asked = new EventEmitter()
  let isCalm = false
  const calm = () => {
    asked.emit('calm')
    return isCalm
  }
  const { partitions, epochs, until } = await holder(bus, {
    ...own,
    lease: { ...own.lease, calm },
  })
  await until(() => epochs.size === PARTITIONS - 1)
  await once(asked, 'calm')
  t.notOk(epochs.has(3))
  isCalm = true
  await until(() => epochs.size === PARTITIONS)
  await partitions.close()
})

t.test('who lets go does so a few at a time, others when these are taken', async t => {
  const { bus } = await startBus(t)
  const [first, second] = await Promise.all(['o1', 'o2'].map(owner => leaseOf(t, bus, owner)))
  if (!first || !second) throw new Error('no leases')
  const share = EVERY.filter(p => desiredOwner(p, ['o1', 'o2']) === 'o1').length
  const { partitions, epochs, until } = await holder(bus, first, { takenWithinMs: 60_000 })
  await until(() => epochs.size === share)

  const free = new Map<number, PartitionEntry>()
  const news = new EventEmitter()
  const watch = await watchOwn(bus, () => {
    for (const [p, entry] of watch.partitions) {
      if (entry.value?.state === 'released') free.set(p, entry)
      else free.delete(p)
    }
    news.emit('change')
  })
  let isGone = false
  const left = partitions.leave().then(() => {
    isGone = true
  })
  while (free.size < 4) await once(news, 'change')
  // So that more would have come, if more were to come.
  for (let n = 0; n < 200; n++) await bus.nc.flush()
  t.equal(free.size, 4)
  t.notOk(isGone)
  while (!isGone) {
    const some = [...free]
    free.clear()
    await Promise.all(some.map(([p, entry]) => claimPartition(bus, p, second.lease, entry)))
    await bus.nc.flush()
  }
  await left
  watch.close()
  t.equal(epochs.size, 0)
  await partitions.close()
})
