import t from 'tap'
import { readLease, takeLease } from '../../../lib/owner/ownership/lease.ts'
import { watchOwn } from '../../../lib/owner/ownership/own-watch.ts'
import { KV_OWN } from '../../../subjects/streams.ts'
import { leaseSubject } from '../../../subjects/subjects.ts'
import { startBus } from '../../fixtures/bus.ts'
import { testLog } from '../owners.ts'

const LEASE_MS = 1_000
const quiet = { onLost: async () => {}, onUsurped: () => {} }

t.test('lease', async t => {
  const { nats, bus } = await startBus(t)
  const { log } = testLog(t, 'lease')
  const take = (owner: string, incarnation: string, events = {}) =>
    takeLease(bus, { owner, incarnation, leaseMs: LEASE_MS, log, ...quiet, ...events })

  await t.test(
    'is renewed for as long as it is wanted, and gone at once when released',
    async t => {
      const { promise: gone, resolve } = Promise.withResolvers<void>()
      const watch = await watchOwn(bus, () => {
        if (renewals.size > 5 && !watch.members.has('kept')) resolve()
      })
      const renewals = new Set<number>()
      const { promise: renewed, resolve: enough } = Promise.withResolvers<void>()
      const subscription = bus.nc.subscribe(leaseSubject('kept'), {
        callback: () => {
          renewals.add(renewals.size)
          if (renewals.size > 5) enough()
        },
      })
      const lease = await take('kept', 'i1')
      t.ok(lease.valid())
      await renewed
      t.ok(lease.valid(), 'after more than its time')
      t.match(await readLease(bus, 'kept'), { incarnation: 'i1', leaving: false })
      await lease.leave()
      t.match(await readLease(bus, 'kept'), { leaving: true })
      await lease.release()
      await gone
      t.equal(await readLease(bus, 'kept'), undefined)
      t.notOk(lease.valid())
      subscription.unsubscribe()
      watch.close()
    },
  )

  await t.test('a new process in the same slot takes the name over at once', async t => {
    const { promise: usurped, resolve } = Promise.withResolvers<Error>()
    const former = await take('named', 'i1', { onUsurped: resolve })
    const now = await take('named', 'i2')
    t.match(await readLease(bus, 'named'), { incarnation: 'i2' })
    await usurped
    t.notOk(former.valid(), 'should the former one live after all, it knows')
    t.ok(now.valid())
    await now.release()
    await former.release()
  })

  await t.test(
    'is worth nothing while nats-server does not answer, and then as before',
    async t => {
      const lease = await take('cut', 'i1')
      nats.pause()
      while (lease.valid()) await new Promise(resolve => setImmediate(resolve))
      nats.resume()
      while (!lease.valid()) await bus.nc.flush()
      t.match(await readLease(bus, 'cut'), { incarnation: 'i1' })
      await lease.release()
    },
  )

  await t.test('is lost when its key is gone, and joins anew', async t => {
    const lost = Promise.withResolvers<void>()
    const lease = await take('gone', 'i1', { onLost: async () => lost.resolve() })
    await bus.jsm.streams.purge(KV_OWN, { filter: leaseSubject('gone') })
    await lost.promise
    while (!(await readLease(bus, 'gone'))) await bus.nc.flush()
    while (!lease.valid()) await bus.nc.flush()
    t.match(await readLease(bus, 'gone'), { incarnation: 'i1' })
    await lease.release()
  })

  await t.test('is worth nothing until what was held is confirmed', async t => {
    const confirmed = Promise.withResolvers<void>()
    const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let times = 0
    const lease = await take('again', 'i1', {
      onLost: () => {
        asked[times]?.resolve()
        return times++ === 0 ? Promise.reject(new Error('timeout')) : confirmed.promise
      },
    })
    await bus.jsm.streams.purge(KV_OWN, { filter: leaseSubject('again') })
    await Promise.all(asked.map(one => one.promise))
    t.ok(await readLease(bus, 'again'), 'it is there')
    t.notOk(lease.valid(), 'but what was held may be another’s')
    confirmed.resolve()
    while (!lease.valid()) await bus.nc.flush()
    await lease.release()
  })

  await t.test('knows when others cannot have renewed theirs either', async t => {
    const lease = await take('calm', 'i1')
    t.ok(lease.calm())
    nats.pause()
    while (lease.valid()) await new Promise(resolve => setImmediate(resolve))
    nats.resume()
    while (!lease.valid()) await bus.nc.flush()
    t.notOk(lease.calm())
    while (!lease.calm()) await bus.nc.flush()
    await lease.release()
  })
})
