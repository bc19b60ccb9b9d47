/** A host runs so many sandboxes and no more; those at rest give their places to prompts. */
import t from 'tap'
import { completes, promptFrame } from './control-plane.ts'
import { spawnJob, startHost, stopJob } from './host.ts'

type System = Awaited<ReturnType<typeof startHost>>
const told = (system: System, type: string) =>
  system.commands.filter(command => command.type === type)

t.test('a host that is full gets no further sandbox ready, and says so', async t => {
  const system = await startHost(t, { SANDBOX_LIMIT: '1' })
  for (const sid of ['s1', 's2']) system.follow(sid)
  await system.job('spawn', spawnJob('s1', 1))
  await system.until('sandbox_spawned', 1)
  await system.job('spawn', spawnJob('s2', 2))
  const refused = await system.until('sandbox_exited', 2)
  t.match(refused, { orderly: true, reason: /All places .*\(SANDBOX_LIMIT=1\).*next prompt/ })
  await system.job('spawn', spawnJob('s1', 3))
  t.ok(await system.until('sandbox_spawned', 3), 'one that replaces its own takes no other place')
  await system.job('stop', stopJob('s1', 3))
  t.match(await system.until('sandbox_exited', 3), { orderly: true })
  await system.job('spawn', spawnJob('s2', 4))
  t.ok(await system.until('sandbox_spawned', 4))
  t.strictSame(told(system, 'sandbox_evict'), [], 'nobody was asked for a place')
})

t.test('sandboxes that are being started take their places already', async t => {
  const system = await startHost(t, { SANDBOX_LIMIT: '2' })
  const sids = ['a', 'b', 'c', 'd', 'e']
  for (const sid of sids) system.follow(sid)
  await Promise.all(sids.map((sid, n) => system.job('spawn', spawnJob(sid, n + 1))))
  await system.idle()
  t.equal(told(system, 'sandbox_spawned').length, 2)
  t.equal(told(system, 'sandbox_exited').length, 3)
})

t.test('a prompt gets the place of the sandbox that has rested longest', async t => {
  const system = await startHost(t, { SANDBOX_LIMIT: '3' })
  const { plane } = system
  for (const sid of ['busy', 'used', 'fresh', 'late']) system.follow(sid)
  await system.job('spawn', spawnJob('busy', 1))
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '$ sleep 60'))
  await plane.until(event => event.type === 'tool_call')
  const from = plane.said.length
  await system.job('spawn', spawnJob('used', 2))
  await plane.until(event => event.type === 'ready', from)
  plane.send(promptFrame('m2', '$ true'))
  await plane.until(completes('m2'))
  await system.job('spawn', spawnJob('fresh', 3))
  await system.until('sandbox_spawned', 3)

  system.sessions.set('late', { promptWaits: true })
  await system.job('spawn', spawnJob('late', 4))
  await system.until('sandbox_evict', 3)
  t.match(await system.until('sandbox_delayed', 4), { reason: /All places .*prompt waits/ })
  t.strictSame(told(system, 'sandbox_evict').length, 1, 'one place is missing, one is asked for')
  await system.job('stop', stopJob('fresh', 3))
  await system.until('sandbox_spawned', 4)
  t.equal(told(system, 'sandbox_spawn_failed').length, 0, 'it was only late')
})

t.test(
  'a place that a prompt waits for is not given to a sandbox that only gets ready',
  async t => {
    const system = await startHost(t, { SANDBOX_LIMIT: '1' })
    for (const sid of ['first', 'prompted', 'ready']) system.follow(sid)
    await system.job('spawn', spawnJob('first', 1))
    await system.until('sandbox_spawned', 1)
    system.sessions.set('prompted', { promptWaits: true })
    await system.job('spawn', spawnJob('prompted', 2))
    await system.until('sandbox_evict', 1)
    await system.job('stop', stopJob('first', 1))
    await system.until('sandbox_exited', 1)
    await system.job('spawn', spawnJob('ready', 3))
    await system.until('sandbox_exited', 3)
    await system.until('sandbox_spawned', 2)
  },
)

t.test('a prompt goes to the host that has room', async t => {
  const full = await startHost(t, { SANDBOX_LIMIT: '1' })
  const { plane } = full
  const sids = ['a', 'b', 'c', 'd']
  for (const sid of ['busy', ...sids]) full.follow(sid)
  await full.job('spawn', spawnJob('busy', 1))
  const { host } = (await full.until('sandbox_spawned', 1)) as { host: string }
  await plane.until(event => event.type === 'ready')
  plane.send(promptFrame('m1', '$ sleep 60'))
  await plane.until(event => event.type === 'tool_call')
  await startHost(t, {
    NATS_URL: full.nats.url,
    CONTROL_PLANE_URL: plane.url,
    SANDBOX_LIMIT: String(sids.length),
  })
  for (const sid of sids) full.sessions.set(sid, { promptWaits: true })
  await Promise.all(sids.map((sid, n) => full.job('spawn', spawnJob(sid, n + 2))))
  for (const n of sids.keys()) {
    t.not(((await full.until('sandbox_spawned', n + 2)) as { host: string }).host, host)
  }
})

t.test('a sandbox that nobody waits for any more is not started', async t => {
  const system = await startHost(t)
  for (const sid of ['gone', 'deleted', 'wanted']) system.follow(sid)
  system.sessions.set('gone', { wanted: false })
  system.sessions.set('deleted', { wanted: 'unknown' })
  await system.job('spawn', spawnJob('gone', 1))
  await system.job('restore', { ...spawnJob('deleted', 1), snapshotImageId: 'image' })
  await system.job('spawn', spawnJob('wanted', 2))
  await system.until('sandbox_spawned', 2)
  await system.idle()
  t.strictSame(
    system.commands.map(({ type }) => type),
    ['sandbox_spawned'],
  )
})
