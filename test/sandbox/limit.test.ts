/** A host runs so many sandboxes and no more: what comes on top is told so, and waits. */
import t from 'tap'
import { spawnJob, startHost, stopJob } from './host.ts'

t.test('a host that is full says so until a sandbox has ended', async t => {
  const system = await startHost(t, { SANDBOX_LIMIT: '1' })
  for (const sid of ['s1', 's2']) system.follow(sid)
  await system.job('spawn', spawnJob('s1', 1))
  await system.until('sandbox_spawned', 1)
  await system.job('spawn', spawnJob('s2', 2))
  const refused = await system.until('sandbox_spawn_failed', 2)
  t.match(refused, { permanent: false, error: /All 1 places .*SANDBOX_LIMIT.* waits until/ })
  await system.job('spawn', spawnJob('s1', 3))
  t.ok(await system.until('sandbox_spawned', 3), 'one that replaces its own takes no other place')
  await system.job('stop', stopJob('s1', 3))
  t.match(await system.until('sandbox_exited', 3), { orderly: true })
  await system.job('spawn', spawnJob('s2', 4))
  t.ok(await system.until('sandbox_spawned', 4))
})

t.test('sandboxes that are being started take their places already', async t => {
  const system = await startHost(t, { SANDBOX_LIMIT: '2' })
  const sids = ['a', 'b', 'c', 'd', 'e']
  for (const sid of sids) system.follow(sid)
  await Promise.all(sids.map((sid, n) => system.job('spawn', spawnJob(sid, n + 1))))
  await system.idle()
  const told = (type: string) => system.commands.filter(one => one.type === type).length
  t.equal(told('sandbox_spawned'), 2)
  t.equal(told('sandbox_spawn_failed'), 3)
})
