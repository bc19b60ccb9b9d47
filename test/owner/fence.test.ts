/**
 * Two owners that both believe that a partition is theirs, by force: their leases are always valid.
 * The log takes one record, whoever writes first; the other one sees that and changes nothing.
 */
import { join } from 'node:path'
import pLimit from 'p-limit'
import t from 'tap'
import { publishCommand } from '../../lib/bus/command.ts'
import { openHolding } from '../../lib/owner/holding.ts'
import type { Lease } from '../../lib/owner/ownership/lease.ts'
import { claimPartition } from '../../lib/owner/ownership/takeover.ts'
import type { AtStep, OwnerRoom } from '../../lib/owner/room.ts'
import { openProjection } from '../../lib/owner/rows/projection.ts'
import { policyOf } from '../../lib/session/policy.ts'
import { partitionOf } from '../../subjects/partition.ts'
import { CMD, EVT, JOB, KV_OWN } from '../../subjects/streams.ts'
import { partitionSubject } from '../../subjects/subjects.ts'
import { openBus, startBus } from '../fixtures/bus.ts'
import { creation, logOf, ownerConfig, testLog } from './owners.ts'

t.test('fence', async t => {
  const { nats, bus } = await startBus(t)
  const sid = 'contested'
  const p = partitionOf(sid)
  const config = ownerConfig(t, nats.url)

  const believer = async (owner: string, at: AtStep) => {
    const own = await openBus(t, nats.url, owner)
    const { log, until } = testLog(t, owner)
    const lease = { owner, incarnation: owner, valid: () => true } as Lease
    const projection = openProjection(own, { folder: join(config.dataDir, owner), log })
    const room: OwnerRoom = {
      bus: own,
      log,
      lease,
      projection,
      policy: policyOf(config),
      tokenHash: () => '0'.repeat(64),
      deciding: pLimit(10),
      sessionIdleMs: 60_000,
      readsAreCurrent: true,
      nowMs: Date.now,
      at,
    }
    const key = await bus.jsm.streams.getMessage(KV_OWN, { last_by_subj: partitionSubject(p) })
    const entry = key ? { value: undefined, sequence: key.seq } : undefined
    const claim = await claimPartition(own, p, lease, entry)
    if (!claim) throw new Error('not claimed')
    const holding = await openHolding(room, claim, { broken: () => {} })
    t.teardown(async () => {
      await holding.drop()
      await projection.close()
    })
    return { until, epoch: claim.epoch }
  }

  const atDecided = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const emitted = Promise.withResolvers<void>()
  const slow = await believer('slow', async step => {
    if (step === 'emitted') emitted.resolve()
    if (step !== 'decided') return
    atDecided.resolve()
    await goOn.promise
  })
  await publishCommand(bus, sid, creation())
  await atDecided.promise

  const answered = Promise.withResolvers<void>()
  const quick = await believer('quick', step => {
    if (step === 'answered') answered.resolve()
  })
  t.ok(quick.epoch > slow.epoch, 'epochs grow')
  await answered.promise
  t.equal((await logOf(bus, sid)).length, 1, 'the new owner was given the command and decided it')

  goOn.resolve()
  t.match(await slow.until(/not done yet/), /wrong last sequence/, 'the old one is refused')
  await emitted.promise
  const log = await logOf(bus, sid)
  t.equal(log.length, 1, 'and sees that it is done')
  t.match(log[0]?.record, { owner: 'quick', epoch: quick.epoch })
  t.equal((await bus.jsm.streams.info(EVT)).state.messages, 1)
  t.equal((await bus.jsm.streams.info(JOB)).state.messages, 1, 'the effect twice is one job')
  t.equal((await bus.jsm.streams.info(CMD)).state.messages, 0)
})
