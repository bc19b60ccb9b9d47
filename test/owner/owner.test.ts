import t from 'tap'
import { sha256Hex } from '../../lib/auth/hash.ts'
import { ask } from '../../lib/bus/ask.ts'
import { publishCommand, requestCommand } from '../../lib/bus/command.ts'
import { codeOf } from '../../subjects/errors.ts'
import { startBus } from '../fixtures/bus.ts'
import { createSession, logOf, ownerConfig, promptOf, startOwner } from './owners.ts'

t.test('one owner', async t => {
  const { nats, bus } = await startBus(t)
  startOwner(t, ownerConfig(t, nats.url, { SANDBOX_PROVIDER: 'none' }))

  await t.test('a command becomes a record, and whoever asked is told', async t => {
    const sid = await createSession(bus, 'first')
    const { reply, recordSeq } = await requestCommand(bus, sid, promptOf('p1'))
    t.match(reply, { ok: true, messageId: String, position: 1 })
    const log = await logOf(bus, sid)
    t.equal(log.at(-1)?.sequence, recordSeq, 'the reply names its record')
    t.equal(log.at(-1)?.record.commandType, 'prompt')

    const again = await requestCommand(bus, sid, promptOf('p1'))
    t.same(again.reply, reply, 'the same request again is answered the same')
    t.equal((await logOf(bus, sid)).length, log.length, 'and changes nothing')
  })

  await t.test('questions are answered from rows that hold everything', async t => {
    const sid = await createSession(bus, 'asked')
    const { recordSeq } = await requestCommand(bus, sid, promptOf('p1', 'hello'))
    const snapshot = await ask(bus, { v: 1, type: 'snapshot', sid })
    t.equal(snapshot.recordSeq, recordSeq)
    t.match(snapshot.snapshot.promptQueue, [{ content: 'hello', status: 'pending' }])
    const { messages } = await ask(bus, { v: 1, type: 'messages', sid, limit: 10 })
    t.match(messages, [{ content: 'hello', status: 'pending' }])
    const { participants } = await ask(bus, { v: 1, type: 'participants', sid })
    t.match(participants, [{ userId: 'alice', role: 'owner' }])
    await t.rejects(ask(bus, { v: 1, type: 'snapshot', sid: 'nobody' }), {
      cause: { code: 'SESSION_NOT_FOUND' },
    })
  })

  await t.test('joining needs a token that was issued', async t => {
    const sid = await createSession(bus, 'joined')
    const user = { userId: 'bob', name: 'Bob' }
    const tokenHash = sha256Hex('a token')
    await requestCommand(bus, sid, { v: 1, type: 'issue_ws_token', user, tokenHash })
    const joined = await ask(bus, { v: 1, type: 'join', sid, tokenHash })
    t.match(joined, { participant: { userId: 'bob', name: 'Bob' }, recovered: false })
    const refused = async (hash: string) =>
      codeOf(
        await ask(bus, { v: 1, type: 'join', sid, tokenHash: hash }).catch((error: Error) => error),
      )
    t.equal(await refused(sha256Hex('another')), 'TOKEN_INVALID')
    t.equal(await refused(''), 'TOKEN_MISSING')
    const resumed = await ask(bus, {
      v: 1,
      type: 'join',
      sid,
      tokenHash,
      after: joined.snapshot.sequence,
    })
    t.match(resumed, { recovered: true, snapshot: { timeline: { events: [] } } })
    const ahead = await ask(bus, { v: 1, type: 'join', sid, tokenHash, after: 1_000 })
    t.equal(ahead.recovered, false, 'who has seen more than there is gets the snapshot')
  })

  await t.test('an unknown session takes nothing', async t => {
    const { reply } = await requestCommand(bus, 'unknown', promptOf('p1'))
    t.match(reply, { ok: false, code: 'SESSION_NOT_FOUND' })
    t.same(await logOf(bus, 'unknown'), [])
  })

  await t.test('an answer cannot be made to write into a stream', async t => {
    const before = await bus.jsm.streams.info('CMD')
    await publishCommand(bus, 'first', promptOf('p1'), { replyTo: 'cmd.first' })
    await requestCommand(bus, 'first', promptOf('p1'))
    const after = await bus.jsm.streams.info('CMD')
    t.equal(after.state.last_seq - before.state.last_seq, 2, 'two commands, no answer')
  })
})
