/** Hundreds come back from the same line when an edge has died: rows are read once for all of them. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { sha256Hex } from '../../lib/auth/hash.ts'
import { ask } from '../../lib/bus/ask.ts'
import { requestCommand } from '../../lib/bus/command.ts'
import { sessionFile } from '../../lib/store/session-database.ts'
import { sessionId } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { createSession, ownerConfig, promptOf, startOwner } from './owners.ts'

t.test('many join from the same line', async t => {
  const { nats, bus } = await startBus(t)
  const sid = sessionId('joins')
  const config = ownerConfig(t, nats.url, { SANDBOX_PROVIDER: 'none' })
  startOwner(t, config)
  await createSession(bus, sid)
  const people = ['alice', 'bob']
  for (const userId of people) {
    const tokenHash = sha256Hex(userId)
    await requestCommand(bus, sid, { v: 1, type: 'issue_ws_token', tokenHash, user: { userId } })
  }
  const joins = (userId: string, after: number | null) =>
    ask(bus, { v: 1, sid, type: 'join', tokenHash: sha256Hex(userId), after })
  await requestCommand(bus, sid, promptOf('one'))
  const first = await joins('alice', 0)
  t.equal(first.recovered, true)
  const whole = await joins('alice', null)
  t.equal(whole.recovered, false)

  const rows = new DatabaseSync(sessionFile(join(config.dataDir, 'owner', '0', 'sessions'), sid))
  t.teardown(() => rows.close())
  rows.exec(
    `insert into artifacts (id, type, created_at, updated_at) values ('late', 'file', 1, 1)`,
  )
  const second = await joins('bob', 0)
  t.same(second.snapshot, first.snapshot, 'nothing was read')
  t.same((await joins('bob', null)).snapshot, whole.snapshot)
  t.match([first.participant, second.participant], [{ userId: 'alice' }, { userId: 'bob' }])
  await t.rejects(joins('mallory', 0), { cause: { code: 'TOKEN_INVALID' } })

  const { view, presence } = await ask(bus, {
    v: 1,
    sid,
    type: 'join',
    tokenHash: sha256Hex('bob'),
    follows: true,
  })
  t.same([view, presence], [null, []], 'an edge that follows has them')
  t.match(first.view, { id: sid })

  await requestCommand(bus, sid, promptOf('two'))
  const third = await joins('alice', 0)
  t.equal(third.snapshot.artifacts.length, 1, 'a record later, rows are read')
  t.match(
    third.snapshot.promptQueue.map(({ content }) => content),
    ['one', 'two'],
  )
})
