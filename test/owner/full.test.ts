/** No room, in a stream or on the owner's disk: what was accepted stays, and it heals by itself. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ask } from '../../lib/bus/ask.ts'
import { publishCommand, requestCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { CMD, DLQ, EVT, JOB } from '../../subjects/streams.ts'
import { startBus } from '../fixtures/bus.ts'
import { fill, smallDisk } from '../fixtures/small-disk.ts'
import { createSession, creation, logOf, ownerConfig, promptOf, startOwner } from './owners.ts'

const left = async (bus: Bus, stream: string) => (await bus.jsm.streams.info(stream)).state.messages
/** Lets a stream take nothing more, or as much as before. */
const limit = async (bus: Bus, stream: string, isFull: boolean) => {
  const { config, state } = await bus.jsm.streams.info(stream)
  const max_bytes = isFull ? Math.max(1, state.bytes) : 1024 ** 3
  await bus.jsm.streams.update(stream, { ...config, max_bytes, discard: 'new' } as never)
}

t.test('a full stream', async t => {
  const { nats, bus } = await startBus(t)
  startOwner(t, ownerConfig(t, nats.url, { SANDBOX_PROVIDER: 'local' }))
  const sid = await createSession(bus, 'full')

  await t.test(EVT, async t => {
    await limit(bus, EVT, true)
    await publishCommand(bus, sid, promptOf('waits'))
    const snapshot = await ask(bus, { v: 1, type: 'snapshot', sid })
    t.ok(snapshot.recordSeq > 0, 'what is there can be read')
    t.equal(await left(bus, CMD), 1, 'the prompt waits')
    await limit(bus, EVT, false)
    const { reply } = await requestCommand(bus, sid, promptOf('after'))
    t.match(reply, { ok: true })
    const ids = (await logOf(bus, sid)).slice(1).map(({ record }) => record.request?.id)
    t.same(ids, ['waits', 'after'], 'then it comes, in its place')
  })

  await t.test(JOB, async t => {
    await limit(bus, JOB, true)
    const jobs = await left(bus, JOB)
    await publishCommand(bus, 'second', creation())
    while ((await logOf(bus, 'second')).length === 0) await bus.nc.flush()
    t.equal(await left(bus, CMD), 1, 'its command stays until the job is stored')
    await limit(bus, JOB, false)
    while ((await left(bus, CMD)) > 0) await bus.nc.flush()
    t.equal(await left(bus, JOB), jobs + 1, 'the sandbox is asked for, once')
    t.equal((await logOf(bus, 'second')).length, 1)
  })

  await t.test(CMD, async t => {
    await limit(bus, CMD, true)
    await t.rejects(publishCommand(bus, sid, promptOf('too much'), { deadlineMs: 2_000 }), {
      cause: { code: 'STREAM_FULL' },
    })
    await limit(bus, CMD, false)
    const { reply } = await requestCommand(bus, sid, promptOf('too much'))
    t.match(reply, { ok: true })
  })
  t.equal(await left(bus, DLQ), 0, 'nothing was given up')
})

t.test("the owner's disk is full", { timeout: 60_000 }, async t => {
  const folder = smallDisk(t, 4)
  if (!folder) {
    t.comment('skipped: needs the right to mount a small disk')
    return
  }
  const { nats, bus } = await startBus(t)
  const env = { SANDBOX_PROVIDER: 'none', MAX_UNFINISHED_PROMPTS: '1000' }
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir)
  startOwner(t, { ...ownerConfig(t, nats.url, env), dataDir })
  const sid = await createSession(bus, 'full')
  await ask(bus, { v: 1, type: 'messages', sid, limit: 10 })
  const ballast = join(folder, 'ballast')
  fill(folder, ballast)

  for (let n = 0; n < 20; n++) {
    const { reply } = await requestCommand(bus, sid, promptOf(`p${n}`, 'x'.repeat(20_000)))
    t.match(reply, { ok: true, position: n + 1 }, 'decisions need no room')
  }
  const question = { v: 1, type: 'messages', sid, limit: 100 } as const
  await t.rejects(ask(bus, question), { cause: { code: 'STORE_FULL' } }, 'try again, it says')
  rmSync(ballast)
  t.equal((await ask(bus, question)).messages.length, 20, 'all there as soon as there is room')
})
