/** Owners come and go, connections break: nobody waits for a lease, and nothing is lost. */
import t from 'tap'
import { publishCommand, requestCommand } from '../../lib/bus/command.ts'
import { CMD } from '../../subjects/streams.ts'
import { startBus } from '../fixtures/bus.ts'
import { consumers, NONE, patience, promptAll, promptsOf, SIDS } from './everywhere.ts'
import { createSession, ownerConfig, promptOf, startOwner } from './owners.ts'

t.test('partitions change hands while commands come, when owners join and leave', async t => {
  const { nats, bus } = await startBus(t)
  // So long that only an orderly hand-over can be meant.
  const env = { ...NONE, OWNER_LEASE_MS: '60000' }
  const first = startOwner(t, ownerConfig(t, nats.url, env), { name: 'first' })
  await Promise.all(SIDS.map(sid => createSession(bus, sid)))
  const made = await consumers(bus)
  let flowing = true
  let count = 0
  const flow = (async () => {
    for (; flowing; count++) {
      await Promise.all(SIDS.map(sid => publishCommand(bus, sid, promptOf(`p${count}`))))
    }
  })()
  const second = startOwner(t, ownerConfig(t, nats.url, env), { name: 'second' })
  await second.until(/partition taken/)
  await first.until(/partition released/)
  await first.stop()
  await second.until(/"p":63.*partition taken|partition taken.*"p":63/)
  flowing = false
  await flow
  t.ok(await promptAll(bus, 'last'))
  const expected = [...Array.from({ length: count }, (_, n) => `p${n}`), 'last']
  t.same(await promptsOf(bus), [expected.join()], `${count} rounds, in order, each once`)
  t.same(await consumers(bus), made, 'they went from hand to hand')
  await second.stop()
  await publishCommand(bus, SIDS[0] as string, promptOf('nobody is there'))
  startOwner(t, ownerConfig(t, nats.url, env), { name: 'third' })
  t.ok(await promptAll(bus, 'third'))
  t.same(await consumers(bus), made, 'they wait for whoever comes')
  t.equal((await promptsOf(bus)).length, 2, 'and have what came meanwhile')
})

t.test('nats-server killed and started again', async t => {
  const { nats, bus } = await startBus(t)
  const owner = startOwner(t, ownerConfig(t, nats.url, NONE))
  await Promise.all(SIDS.map(sid => createSession(bus, sid)))
  const during = Promise.all(
    SIDS.map(async sid => {
      for (let n = 0; n < 5; n++) await requestCommand(bus, sid, promptOf(`p${n}`), patience)
    }),
  )
  await nats.kill()
  await nats.restart()
  await during
  t.same(await promptsOf(bus), ['p0,p1,p2,p3,p4'])
  await owner.until(/deliveries begin again/)
  t.ok(await promptAll(bus, 'after'))
})

t.test('a consumer that somebody removes is made again', async t => {
  const { nats, bus } = await startBus(t)
  startOwner(t, ownerConfig(t, nats.url, NONE))
  await Promise.all(SIDS.map(sid => createSession(bus, sid)))
  for await (const { name } of bus.jsm.consumers.list(CMD))
    await bus.jsm.consumers.delete(CMD, name)
  t.ok(await promptAll(bus, 'after'))
})
