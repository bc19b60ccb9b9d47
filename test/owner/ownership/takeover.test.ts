/** Owners die and hang: somebody goes on, and what was accepted is decided once. */
import t from 'tap'
import { ask } from '../../../lib/bus/ask.ts'
import { publishCommand } from '../../../lib/bus/command.ts'
import { PARTITIONS } from '../../../subjects/partition.ts'
import { startBus } from '../../fixtures/bus.ts'
import { consumers, NONE, patience, promptAll, promptsOf, SIDS } from '../everywhere.ts'
import { createSession, ownerConfig, promptOf, spawnOwner } from '../owners.ts'

t.test('killed and started again in its slot, it need not wait for its own lease', async t => {
  const { nats, bus } = await startBus(t)
  // So long that the test would time out if anybody waited for it.
  const config = ownerConfig(t, nats.url, { OWNER_LEASE_MS: '60000' })
  const owner = spawnOwner(t, config, NONE)
  await Promise.all(SIDS.map(sid => createSession(bus, sid)))
  await owner.kill()
  for (const sid of SIDS) await publishCommand(bus, sid, promptOf('while dead'))
  owner.start()
  t.ok(await promptAll(bus, 'again'))
  t.same(await promptsOf(bus), ['while dead,again'])
})

t.test('killed for good, another takes over when its lease has run out', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url)
  const first = spawnOwner(t, config, NONE)
  await Promise.all(SIDS.map(sid => createSession(bus, sid)))
  const second = spawnOwner(t, config, NONE)
  await second.until(/partition taken/)
  t.ok(await promptAll(bus, 'both'))
  const before = await consumers(bus)
  await first.kill()
  t.ok(await promptAll(bus, 'one'))
  t.same(await promptsOf(bus), ['both,one'])
  const after = await consumers(bus)
  t.equal(after.size, PARTITIONS)
  const kept = [...after].filter(([p, names]) => names.join() === before.get(p)?.join())
  t.ok(
    kept.length < PARTITIONS,
    `${PARTITIONS - kept.length} are new: it may only have been paused`,
  )
  t.ok(kept.length > 0, `${kept.length} are those of the one that lives`)
})

t.test('stopped for longer than its lease and woken, it neither decides nor answers', async t => {
  const { nats, bus } = await startBus(t)
  const config = ownerConfig(t, nats.url, { OWNER_LEASE_MS: '1000' })
  const zombie = spawnOwner(t, config, NONE)
  await Promise.all(SIDS.map(sid => createSession(bus, sid)))
  await promptAll(bus, 'before')
  zombie.pause()
  const heir = spawnOwner(t, config, NONE)
  t.ok(await promptAll(bus, 'meanwhile'))
  // These wait for it in its socket, from the time when it was the owner.
  const snapshots = SIDS.map(sid => ask(bus, { v: 1, type: 'snapshot', sid }, patience))
  const known = zombie.lines.length
  zombie.resume()
  await zombie.until(/lease lost/, known)
  const lengths = (await Promise.all(snapshots)).map(({ snapshot }) => snapshot.promptQueue.length)
  t.same(new Set(lengths), new Set([2]), 'nobody is told of the state before')
  t.ok(await promptAll(bus, 'after'))
  t.same(await promptsOf(bus), ['before,meanwhile,after'])
  await heir.kill()
  t.ok(await promptAll(bus, 'alone'), 'it takes part again')
  t.same(await promptsOf(bus), ['before,meanwhile,after,alone'])
})
