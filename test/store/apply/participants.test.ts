import t from 'tap'
import { TOKENS_KEPT } from '../../../lib/store/apply/participants.ts'
import { profile, sessionLog, T0 } from '../../fixtures/records.ts'
import { startStore } from '../../fixtures/store.ts'

t.test('people join, become known better, and get tokens', async t => {
  const { store, sql } = await startStore(t)
  const log = sessionLog()
  log.begin()
  log.record([
    log.joined('p2'),
    { type: 'participant_updated', ...profile('p2'), login: 'ada', name: 'Ada' },
  ])
  log.record([{ type: 'participant_updated', ...profile('p1'), email: 'o@x' }])
  await store.apply(log.entries.slice(0, 2))
  await store.apply(log.entries)
  t.same(
    await sql(
      'select id, user_id, github_login, github_name, github_email, role, joined_at from participants order by id',
    ),
    [
      {
        id: 'p1',
        user_id: 'user-p1',
        github_login: null,
        github_name: null,
        github_email: 'o@x',
        role: 'owner',
        joined_at: T0,
      },
      {
        id: 'p2',
        user_id: 'user-p2',
        github_login: 'ada',
        github_name: 'Ada',
        github_email: null,
        role: 'member',
        joined_at: T0 + 1,
      },
    ],
  )
})

t.test('several tokens of a participant live, the newest sixteen', async t => {
  const { store, sql } = await startStore(t)
  const log = sessionLog()
  log.begin()
  log.record([log.joined('p2')])
  const issue = (participantId: string, n: number) =>
    log.record([
      {
        type: 'ws_token_issued',
        participantId,
        tokenHash: `${participantId}-${n}`,
        issuedAtMs: log.nowMs(),
      },
    ])
  issue('p2', 0)
  for (let n = 0; n < TOKENS_KEPT + 4; n++) issue('p1', n)
  for (const entry of log.entries) await store.apply([entry])
  const hashes = (await sql('select hash from ws_tokens order by created_at')).map(row => row.hash)
  t.same(hashes, ['p2-0', ...Array.from({ length: TOKENS_KEPT }, (_, n) => `p1-${n + 4}`)])
  t.same(await sql("select ws_auth_token, ws_token_created_at from participants where id = 'p1'"), [
    { ws_auth_token: `p1-${TOKENS_KEPT + 3}`, ws_token_created_at: T0 + log.entries.length - 1 },
  ])
})

t.test('open sockets are listed, closed ones and those of strangers are not', async t => {
  const { store, sql } = await startStore(t)
  const log = sessionLog()
  log.begin()
  await store.apply(log.entries)
  const socket = (connectionId: string, participantId: string, lastSeenMs: number) => ({
    connectionId,
    clientId: `client-${connectionId}`,
    participantId,
    userId: 'u',
    name: 'n',
    avatar: null,
    status: 'active' as const,
    lastSeenMs,
  })
  const listed = () => sql('select ws_id, client_id, created_at from ws_client_mapping order by 1')
  await store.recordConnections([socket('a', 'p1', 1), socket('b', 'p1', 2), socket('x', '?', 3)])
  t.same(await listed(), [
    { ws_id: 'a', client_id: 'client-a', created_at: 1 },
    { ws_id: 'b', client_id: 'client-b', created_at: 2 },
  ])
  await store.recordConnections([socket('b', 'p1', 9), socket('c', 'p1', 9)])
  t.same(await listed(), [
    { ws_id: 'b', client_id: 'client-b', created_at: 2 },
    { ws_id: 'c', client_id: 'client-c', created_at: 9 },
  ])
  await store.recordConnections([])
  t.same(await listed(), [])
})
