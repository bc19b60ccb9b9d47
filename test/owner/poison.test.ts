/** What can never be decided leaves the queue for the dead letters, and the session goes on. */

import { createInbox, headers } from '@nats-io/nats-core'
import t from 'tap'
import { ask } from '../../lib/bus/ask.ts'
import { publishCommand, requestCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { busFailure } from '../../lib/bus/failure.ts'
import { commitRecord } from '../../lib/owner/journal.ts'
import { codeOf } from '../../subjects/errors.ts'
import { REPLY_TO } from '../../subjects/headers.ts'
import { envelopedReply } from '../../subjects/replies.ts'
import { CMD, DLQ } from '../../subjects/streams.ts'
import { sessionId } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { emptyRecord } from '../fixtures/log.ts'
import { createSession, logOf, ownerConfig, promptOf, startOwner } from './owners.ts'

const lastDeadLetter = async (bus: Bus) => {
  const found = await bus.jsm.streams.getMessage(DLQ, { last_by_subj: 'dlq.command' })
  return found?.json<{ reason: string; body: string; subject: string }>()
}
const deadLetters = async (bus: Bus) => (await bus.jsm.streams.info(DLQ)).state.messages

t.test('poison', async t => {
  const { nats, bus } = await startBus(t)
  startOwner(t, ownerConfig(t, nats.url, { SANDBOX_PROVIDER: 'none' }))
  const sid = await createSession(bus, 'poisoned')
  /** Publishes raw bytes and waits until a command behind them is answered. */
  const swallow = async (subject: string, body: string) => {
    const before = await deadLetters(bus)
    await bus.js.publish(subject, body)
    const { reply } = await requestCommand(bus, sid, promptOf(`after ${before}`))
    t.match(reply, { ok: true }, 'the session goes on')
    return (await deadLetters(bus)) - before
  }

  await t.test('no JSON', async t => {
    t.equal(await swallow(`cmd.${sid}`, '{not json'), 1)
    t.match(await lastDeadLetter(bus), { body: '{not json', reason: /not JSON/ })
  })
  await t.test('no command', async t => {
    t.equal(await swallow(`cmd.${sid}`, '{"v":1,"type":"dance"}'), 1)
    t.match(await lastDeadLetter(bus), { reason: /type/ })
  })
  await t.test('no session', async t => {
    const odd = `cmd.${'x'.repeat(80)}`
    const { stream } = await bus.js.publish(odd, '{"v":1,"type":"stop"}')
    t.equal(stream, CMD)
    while ((await lastDeadLetter(bus))?.reason !== 'the subject names no session');
    t.pass('is among the dead letters')
  })
  await t.test('a session that nobody opened, and nobody waits for the answer', async t => {
    await publishCommand(bus, 'nowhere', promptOf('p1'))
    while (!(await lastDeadLetter(bus))?.subject.endsWith('nowhere'));
    t.match(await lastDeadLetter(bus), { reason: 'Session not found' })
    t.same(await logOf(bus, 'nowhere'), [])
  })
  await t.test('whoever waits for the answer is told', async t => {
    const told = async (subject: string, body: string) => {
      const inbox = createInbox()
      const answers = bus.nc.subscribe(inbox, { max: 1 })
      const head = headers()
      head.set(REPLY_TO, inbox)
      await bus.js.publish(subject, body, { headers: head })
      for await (const answer of answers) return envelopedReply.parse(answer.json()).reply
    }
    const secret = 'hush'
    for (const [body, message] of [
      [`{${secret}`, 'Not JSON in UTF-8'],
      ['"prompt"', 'Invalid input: expected object, received string'],
      [`{"v":1,"type":"${secret}"}`, 'type: Not a known value'],
      ['{"v":1,"type":"prompt"}', 'content: Invalid input: expected string, received undefined'],
      [`{"v":2,"type":"stop","messageId":"${secret}"}`, 'v: Invalid input: expected 1'],
      [
        `{"v":1,"type":"prompt","content":"x","authorId":"a","attachments":[{"name":["${secret}"]}]}`,
        'attachments.0.name: Invalid input: expected string, received array',
      ],
      [
        `{"v":1,"type":"prompt","content":"x","authorId":"a","callbackContext":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_001)}`,
        'Nested more than 100 levels deep',
      ],
      [
        '{"v":1,"type":"prompt","content":"a\\ud800","authorId":"a"}',
        'content: holds half of a surrogate pair, which is no character',
      ],
      [`{"v":1,"type":"stop","${'k'.repeat(9_000)}":1}`, `Unrecognized key: "${'k'.repeat(181)}…`],
    ] as const) {
      const refused = { ok: false, code: 'INVALID_REQUEST', message }
      t.same(await told(`cmd.${sid}`, body), refused, message)
    }
    t.match(await told(`cmd.${'x'.repeat(80)}`, '{}'), { message: /^The subject names no session/ })
  })
  await t.test('a record that no message can hold is refused by name', async t => {
    const record = { ...emptyRecord(sid, 1), owner: 'x'.repeat(9 * 1024 ** 2) }
    const refusal = await commitRecord(bus, sessionId(sid), record, 0).catch(busFailure)
    t.equal(codeOf(refusal), 'PAYLOAD_TOO_LARGE', 'so the loop knows that trying again is no use')
  })
  await t.test('it is a queue still', async t => {
    const { snapshot } = await ask(bus, { v: 1, type: 'snapshot', sid })
    t.same(
      snapshot.promptQueue.map(prompt => prompt.content),
      ['after 0', 'after 1'],
    )
    t.equal((await bus.jsm.streams.info(CMD)).state.messages, 0)
  })
})
