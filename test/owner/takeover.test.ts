/** Owners come, go, die, hang: somebody always goes on, and what was accepted is decided once. */
import t from 'tap'
import { ask } from '../../lib/bus/ask.ts'
import { publishCommand, requestCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { PARTITIONS } from '../../subjects/partition.ts'
import { CMD } from '../../subjects/streams.ts'
import { startBus } from '../fixtures/bus.ts'
import { createSession, logOf, ownerConfig, promptOf, spawnOwner, startOwner } from './owners.ts'

const NONE = { SANDBOX_PROVIDER: 'none', MAX_UNFINISHED_PROMPTS: '1000' }
const patience = { deadlineMs: 30_000 }

/** One session in every partition or so. */
const SIDS = Array.from({ length: PARTITIONS }, (_, n) => `taken-${n}`)

/** Sends a prompt to every session and waits for every answer. */
const promptAll = async (bus: Bus, id: string) => {
  const answers = await Promise.all(
    SIDS.map(sid => requestCommand(bus, sid, promptOf(id), patience)),
  )
  return answers.every(answer => answer.reply.ok)
}
/** In every session, the prompts that the log has. */
const promptsOf = async (bus: Bus) => {
  const found = new Set<string>()
  for (const sid of SIDS) {
    const ids = (await logOf(bus, sid)).flatMap(({ record }) =>
      record.events.flatMap(event =>
        event.type === 'prompt_queued' ? [event.clientRequestId] : [],
      ),
    )
    found.add(ids.join())
  }
  return [...found]
}
const owners = async (bus: Bus) => {
  const held = new Map<string, number>()
  for await (const { name } of bus.jsm.consumers.list(CMD)) {
    const [p] = name.split('-')
    held.set(p as string, (held.get(p as string) ?? 0) + 1)
  }
  return held
}

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
  await first.kill()
  t.ok(await promptAll(bus, 'one'))
  t.same(await promptsOf(bus), ['both,one'])
  t.equal((await owners(bus)).size, PARTITIONS)
})

t.test('partitions change hands while commands come, when owners join and leave', async t => {
  const { nats, bus } = await startBus(t)
  // So long that only an orderly hand-over can be meant.
  const env = { ...NONE, OWNER_LEASE_MS: '60000' }
  const first = startOwner(t, ownerConfig(t, nats.url, env), { name: 'first' })
  await Promise.all(SIDS.map(sid => createSession(bus, sid)))
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
  await second.stop()
  t.same(await owners(bus), new Map(), 'who leaves leaves nothing behind')
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
  await owner.until(/connection was lost/)
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
