/** What an owner knows when it lets go goes to the heir, which uses it where it is the newest, and only there. */
import t from 'tap'
import { ask } from '../../lib/bus/ask.ts'
import { requestCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import type { StoredRecord } from '../../lib/bus/newest.ts'
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

type Test = Parameters<typeof startBus>[0] & Parameters<typeof testLog>[0]

const rival = { owner: 'rival', incarnation: 'rival-1' }

/** Somebody who lives, and is given nothing. */
const rivalLease = async (t: Test, bus: Bus) => {
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

/**
 * An owner with one session of one prompt, which says what it is told by whoever let its partition go.
 * `told` passes the partition through the rival, who tells something of the epoch that ends then.
 */
const toldOwner = async (t: Test) => {
  const { nats, bus } = await startBus(t)
  const owner = startOwner(t, ownerConfig(t, nats.url, env))
  const { owner: name } = JSON.parse(await owner.until(/owner started/))
  const sid = sessionId('warm')
  await createSession(bus, sid)
  await rivalLease(t, bus)
  const { reply } = await requestCommand(bus, sid, promptOf('p1'))
  const [created, prompted] = await logOf(bus, sid)
  if (!created || !prompted || !reply.ok) throw new Error('no records')
  const hand = (epoch: number, body: string | object) =>
    bus.nc.publish(
      handOverSubject(name, epoch, sid),
      typeof body === 'string' ? body : JSON.stringify({ v: 1, armed: true, ...body }),
    )
  const told = (body: string | object, ahead = 0) =>
    passThrough(bus, sid, epoch => hand(epoch + ahead, body))
  /** What one says who has read no further than a record. */
  const knows = ({ sequence, record }: StoredRecord, state: SessionState, proven = true) => ({
    sequence,
    newest: record,
    proven,
    state: packState(state),
  })
  const beforePrompt = applyRecord(initialState, created.record)
  return { bus, owner, name, sid, created, prompted, reply, told, knows, beforePrompt }
}

t.test('nothing is decided from what is old, foreign or not to be read', async t => {
  const { bus, owner, name, sid, created, prompted, told, knows, beforePrompt } = await toldOwner(t)
  // By this one there is no such session.
  const wrong = knows(prompted, initialState)
  const decides = async (id: string, why: string) => {
    t.ok((await requestCommand(bus, sid, promptOf(id))).reply.ok, why)
  }
  await told(wrong, -1)
  await decides('p2', 'of another epoch')
  await told('{"v":1,"sequence":"')
  await decides('p3', 'cut off')
  await told({ ...wrong, state: { v: 99, state: initialState } })
  await decides('p4', 'of a newer version')
  for (const what of ['none.warm', '1.a%20b', '1.-']) bus.nc.publish(`hand.${name}.${what}`, '{}')
  await told('{}')
  await decides('p5', 'named after nothing')
  const before = owner.lines.length
  await told(knows(created, beforePrompt))
  await decides('p6', 'older than the log')
  const refused = owner.lines.slice(before).some(line => /wrong last sequence/.test(line))
  t.ok(refused, 'because the log refused it')
  const prompts = (await logOf(bus, sid)).flatMap(({ record }) =>
    record.events.flatMap(event => (event.type === 'prompt_queued' ? event.clientRequestId : [])),
  )
  t.same(prompts, ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'])
})

t.test('that nothing follows from a command is not said from what may be old', async t => {
  const { bus, sid, created, reply, told, knows, beforePrompt } = await toldOwner(t)
  // As a leader says it that was paused before the prompt came.
  await told(knows(created, beforePrompt, false))
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
  const { bus, sid, created, prompted, told, knows, beforePrompt } = await toldOwner(t)
  await told(knows(created, beforePrompt))
  const { recordSeq, snapshot } = await ask(bus, { v: 1, type: 'snapshot', sid })
  t.equal(recordSeq, prompted.sequence)
  t.equal(snapshot.promptQueue.length, 1)
})
