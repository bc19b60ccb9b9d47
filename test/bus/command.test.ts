import { headers } from '@nats-io/nats-core'
import t from 'tap'
import { answerAsks, ask } from '../../lib/bus/ask.ts'
import { publishCommand, requestCommand } from '../../lib/bus/command.ts'
import { declareStreams } from '../../lib/bus/declare.ts'
import type { CommandInput } from '../../subjects/commands.ts'
import { codeOf, fail } from '../../subjects/errors.ts'
import { REPLY_TO } from '../../subjects/headers.ts'
import { partitionOf } from '../../subjects/partition.ts'
import { CMD } from '../../subjects/streams.ts'
import { startBus } from '../fixtures/bus.ts'

const prompt = (content: string, clientRequestId = 'r1'): CommandInput => ({
  v: 1,
  type: 'prompt',
  clientRequestId,
  content,
  authorId: 'u1',
  source: 'web',
})
const code = (promise: Promise<unknown>) => promise.then(() => 'no error', codeOf)

t.test('a command is stored once under its id, and refused when it does not fit', async t => {
  const { bus } = await startBus(t)
  const first = await publishCommand(bus, 's1', prompt('a'), { id: 'x' })
  t.same(await publishCommand(bus, 's1', prompt('a'), { id: 'x' }), { ...first, duplicate: true })
  t.equal((await bus.jsm.streams.info(CMD)).state.messages, 1)
  t.equal(
    await code(publishCommand(bus, 's.1', prompt('a'))),
    'INVALID_TOKEN_TEXT',
    'no subject from user text',
  )
  t.equal(
    await code(publishCommand(bus, 's1', { ...prompt('a'), authorId: '' } as never)),
    'INVALID_REQUEST',
  )
  t.equal(
    await code(publishCommand(bus, 's1', { ...prompt('a'), oops: 1 } as never)),
    'INVALID_REQUEST',
    'an unknown field is not lost silently',
  )
})

t.test('a full inbox refuses, and what it holds stays', async t => {
  const { bus } = await startBus(t)
  await declareStreams(bus, { replicas: 1, commandBytes: 64 * 1024 })
  let stored = 0
  const refused = await (async () => {
    for (;;) {
      await publishCommand(bus, 's1', prompt('x'.repeat(10_000)))
      stored++
    }
  })().catch(codeOf)
  t.equal(refused, 'STREAM_FULL')
  t.equal((await bus.jsm.streams.info(CMD)).state.messages, stored)
})

t.test(
  'the bus being away is said after the deadline; back again, the same id is stored once',
  async t => {
    const { nats, bus } = await startBus(t)
    await nats.kill()
    t.equal(
      await code(publishCommand(bus, 's1', prompt('a'), { id: 'x', deadlineMs: 300 })),
      'BUS_UNAVAILABLE',
    )
    const waiting = publishCommand(bus, 's1', prompt('a'), { id: 'x', deadlineMs: 20_000 })
    await nats.restart()
    await waiting
    t.equal((await bus.jsm.streams.info(CMD)).state.messages, 1)
  },
)

t.test('a request is repeated until an owner answers, and says so when none does', async t => {
  const { bus } = await startBus(t)
  t.equal(await code(requestCommand(bus, 's1', prompt('a'), { deadlineMs: 2_000 })), 'NO_OWNER')
  // An owner that is deaf to the first message and answers the second.
  const consumer = await bus.jsm.consumers
    .add(CMD, { durable_name: 'o', ack_policy: 'explicit' })
    .then(() => bus.js.consumers.get(CMD, 'o'))
  const seen: string[] = []
  const messages = await consumer.consume({
    callback: message => {
      message.ack()
      seen.push(message.json<{ clientRequestId: string }>().clientRequestId)
      if (seen.length < 3) return
      const reply = { v: 1, recordSeq: 7, reply: { ok: true, messageId: 'm1' } }
      bus.nc.publish(message.headers?.get(REPLY_TO) as string, JSON.stringify(reply))
    },
  })
  t.teardown(() => messages.close())
  const answer = await requestCommand(bus, 's1', prompt('a'))
  t.match(answer, { recordSeq: 7, reply: { ok: true, messageId: 'm1' } })
  t.same(seen, ['r1', 'r1', 'r1'], 'the same request each time')
})

t.test('all who wait hear their own answer, over one subscription', async t => {
  const { bus } = await startBus(t)
  const consumer = await bus.jsm.consumers
    .add(CMD, { durable_name: 'o', ack_policy: 'explicit' })
    .then(() => bus.js.consumers.get(CMD, 'o'))
  const asked: { id: string; replyTo: string }[] = []
  const messages = await consumer.consume({
    callback: message => {
      message.ack()
      const { clientRequestId: id } = message.json<{ clientRequestId: string }>()
      asked.push({ id, replyTo: message.headers?.get(REPLY_TO) ?? '' })
      if (asked.length < 3) return
      for (const { id, replyTo } of asked.toReversed()) {
        const reply = { v: 1, recordSeq: 1, reply: { ok: true, messageId: id } }
        // Twice, as an owner does when the command comes to it again.
        for (let n = 0; n < 2; n++) bus.nc.publish(replyTo, JSON.stringify(reply))
      }
    },
  })
  t.teardown(() => messages.close())
  const ids = ['a', 'b', 'c']
  const answers = await Promise.all(ids.map(id => requestCommand(bus, 's1', prompt(id, id))))
  t.match(
    answers.map(({ reply }) => reply),
    ids.map(messageId => ({ messageId })),
  )
  const inboxes = asked.map(({ replyTo }) => replyTo.slice(0, replyTo.lastIndexOf('.')))
  t.equal(new Set(inboxes).size, 1)
  await bus.close()
  t.equal(await code(requestCommand(bus, 's1', prompt('d'))), 'BUS_UNAVAILABLE')
})

t.test('questions: answers, codes, silence, and an owner that comes late', async t => {
  const { bus } = await startBus(t)
  const p = partitionOf('s1')
  const asked = { v: 1, type: 'participants', sid: 's1' } as const
  t.equal(await code(ask(bus, asked, { deadlineMs: 150 })), 'NO_OWNER')
  const late = ask(bus, asked, { deadlineMs: 20_000 })
  let answer: () => Promise<unknown> = async () => ({ recordSeq: 3, participants: [] })
  const thrown: unknown[] = []
  const answering = answerAsks(
    bus,
    p,
    () => answer(),
    error => thrown.push(error),
  )
  t.same(await late, { recordSeq: 3, participants: [] })
  answer = async () => Promise.reject(fail('SESSION_NOT_FOUND'))
  t.equal(await code(ask(bus, asked)), 'SESSION_NOT_FOUND')
  answer = async () => Promise.reject(new Error('secret detail'))
  const internal = await ask(bus, asked).catch(e => e)
  t.equal(codeOf(internal), 'INTERNAL')
  t.notMatch(internal.message, /secret/, 'what went wrong inside stays inside')
  t.equal(thrown.length, 1)
  answering.close()
})

t.test('a bare client with a reply inbox in a header reaches the same inbox', async t => {
  const { bus } = await startBus(t)
  const head = headers()
  head.set(REPLY_TO, '_INBOX.me')
  const ack = await bus.js.publish('cmd.s1', JSON.stringify(prompt('hello')), { headers: head })
  const stored = await bus.jsm.streams.getMessage(CMD, { seq: ack.seq })
  t.equal(stored?.subject, `cmd.${partitionOf('s1')}.s1`)
  t.equal(stored?.header.get(REPLY_TO), '_INBOX.me')
})
