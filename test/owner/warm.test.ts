/** What an owner knows when it lets go goes to the heir, which uses it where it is the newest, and only there. */
import t from 'tap'
import { ask } from '../../lib/bus/ask.ts'
import { requestCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { takeLease } from '../../lib/owner/ownership/lease.ts'
import { watchOwn } from '../../lib/owner/ownership/own-watch.ts'
import { claimPartition, releasePartition } from '../../lib/owner/ownership/takeover.ts'
import { applyRecord } from '../../lib/session/record.ts'
import { initialState, type SessionState } from '../../lib/session/state.ts'
import { packState } from '../../lib/session/stored-state.ts'
import { partitionOf } from '../../subjects/partition.ts'
import { EVT } from '../../subjects/streams.ts'
import { handOverSubject, sessionId } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { NONE, promptAll, promptsOf, SIDS } from './everywhere.ts'
import { createSession, logOf, ownerConfig, promptOf, startOwner, testLog } from './owners.ts'

// So long that only an orderly hand-over can be meant.
const env = { ...NONE, OWNER_LEASE_MS: '60000' }

t.test('the heir decides at once, without a look into the log', async t => {
  const { nats, bus } = await startBus(t)
  const first = startOwner(t, ownerConfig(t, nats.url, env), { name: 'first' })
  await Promise.all(SIDS.map(sid => createSession(bus, sid)))
  // Whoever knows nothing of a session begins with its newest record.
  const looked: string[] = []
  bus.nc.subscribe(`$JS.API.STREAM.MSG.GET.${EVT}`, {
    callback: (_error, message) => void looked.push(message.string()),
  })
  const second = startOwner(t, ownerConfig(t, nats.url, env), { name: 'second' })
  await second.until(/partition taken/)
  await first.until(/partition released/)
  await first.stop()
  await second.until(/"p":63.*partition taken|partition taken.*"p":63/)
  t.ok(await promptAll(bus, 'p1'))
  t.ok(await promptAll(bus, 'p2'))
  t.same(await promptsOf(bus), ['p1,p2'])
  t.same(looked, [])
  await second.stop()
})

const rival = { owner: 'rival', incarnation: 'rival-1' }

/** Somebody who lives, and is given nothing. */
const rivalLease = async (t: Parameters<typeof testLog>[0], bus: Bus) => {
  const { log } = testLog(t, rival.owner)
  const events = { onLost: async () => {}, onUsurped: () => {} }
  const lease = await takeLease(bus, { ...rival, leaseMs: 10_000, log, ...events })
  t.teardown(() => lease.release())
  await lease.leave()
}

/** Takes the session's partition from whoever has it, and lets it go again. */
const passThrough = async (bus: Bus, sid: string, between: (epoch: number) => void) => {
  const p = partitionOf(sessionId(sid))
  const watch = await watchOwn(bus, () => {})
  watch.close()
  const claim = await claimPartition(bus, p, rival, watch.partitions.get(p))
  if (!claim) throw new Error('not taken')
  between(claim.epoch)
  await releasePartition(bus, claim, rival)
}

t.test('nothing is decided from what is old, foreign or not to be read', async t => {
  const { nats, bus } = await startBus(t)
  const owner = startOwner(t, ownerConfig(t, nats.url, env))
  const { owner: name } = JSON.parse(await owner.until(/owner started/))
  const sid = await createSession(bus, 'warm')
  await rivalLease(t, bus)
  await requestCommand(bus, sid, promptOf('p1'))
  const [created, prompted] = await logOf(bus, sid)
  if (!created || !prompted) throw new Error('no records')
  const old = applyRecord(initialState, created.record)
  const hand = (epoch: number, body: object | string) =>
    bus.nc.publish(
      handOverSubject(name, epoch, sessionId(sid)),
      typeof body === 'string'
        ? body
        : JSON.stringify({ v: 1, armed: true, proven: true, ...body }),
    )
  const at = ({ sequence, record }: typeof created, state: SessionState) => ({
    sequence,
    newest: record,
    state: packState(state),
  })

  // By this one there is no such session.
  await passThrough(bus, sid, epoch => hand(epoch - 1, at(prompted, initialState)))
  t.ok((await requestCommand(bus, sid, promptOf('p2'))).reply.ok, 'of another epoch')
  await passThrough(bus, sid, epoch => hand(epoch, '{"v":1,"sequence":"'))
  t.ok((await requestCommand(bus, sid, promptOf('p3'))).reply.ok, 'cut off')
  await passThrough(bus, sid, epoch =>
    hand(epoch, { ...at(prompted, initialState), state: { v: 99, state: initialState } }),
  )
  t.ok((await requestCommand(bus, sid, promptOf('p4'))).reply.ok, 'of a newer version')
  const before = owner.lines.length
  await passThrough(bus, sid, epoch => hand(epoch, at(created, old)))
  t.ok((await requestCommand(bus, sid, promptOf('p5'))).reply.ok, 'older than the log')
  const refused = owner.lines.slice(before).some(line => /wrong last sequence/.test(line))
  t.ok(refused, 'because the log refused it')
  const prompts = (await logOf(bus, sid)).flatMap(({ record }) =>
    record.events.flatMap(event => (event.type === 'prompt_queued' ? event.clientRequestId : [])),
  )
  t.same(prompts, ['p1', 'p2', 'p3', 'p4', 'p5'])
})

t.test('that nothing follows from a command is not said from what may be old', async t => {
  const { nats, bus } = await startBus(t)
  const owner = startOwner(t, ownerConfig(t, nats.url, env))
  const { owner: name } = JSON.parse(await owner.until(/owner started/))
  const sid = await createSession(bus, 'old')
  await rivalLease(t, bus)
  const { reply } = await requestCommand(bus, sid, promptOf('p1'))
  const [created] = await logOf(bus, sid)
  if (!created || !reply.ok) throw new Error('no prompt')
  // As a leader says it that was paused before the prompt came.
  const state = packState(applyRecord(initialState, created.record))
  const { sequence, record: newest } = created
  const told = { v: 1, armed: true, proven: false, sequence, newest, state }
  await passThrough(bus, sid, epoch =>
    bus.nc.publish(handOverSubject(name, epoch, sessionId(sid)), JSON.stringify(told)),
  )
  const messageId = reply.messageId as string
  const cancelled = await requestCommand(bus, sid, {
    v: 1,
    type: 'cancel_prompt',
    messageId,
    userId: 'alice',
  })
  t.match(cancelled.reply, { ok: true }, 'the prompt that is not there by it')
})

t.test('what is asked is not answered half from what is old', async t => {
  const { nats, bus } = await startBus(t)
  const owner = startOwner(t, ownerConfig(t, nats.url, env))
  const { owner: name } = JSON.parse(await owner.until(/owner started/))
  const sid = await createSession(bus, 'half')
  await rivalLease(t, bus)
  await requestCommand(bus, sid, promptOf('p1'))
  const [created, prompted] = await logOf(bus, sid)
  if (!created || !prompted) throw new Error('no records')
  const { sequence, record: newest } = created
  const state = packState(applyRecord(initialState, newest))
  const told = { v: 1, armed: true, proven: true, sequence, newest, state }
  await passThrough(bus, sid, epoch =>
    bus.nc.publish(handOverSubject(name, epoch, sessionId(sid)), JSON.stringify(told)),
  )
  const { recordSeq, snapshot } = await ask(bus, { v: 1, type: 'snapshot', sid })
  t.equal(recordSeq, prompted.sequence)
  t.equal(snapshot.promptQueue.length, 1)
})
