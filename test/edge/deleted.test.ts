import t from 'tap'
import { requestCommand } from '../../lib/bus/command.ts'
import { startEdges } from '../fixtures/edges.ts'
import { openSocket, subscribe } from '../fixtures/socket.ts'

t.test('a deleted session ends for everybody, on every edge', async t => {
  const edges = await startEdges(t, { edges: 2 })
  const sid = await edges.createSession()
  const token = await edges.token(sid)
  const sandbox = await edges.sandbox(t, sid, 1)
  const { headers } = await edges.sandboxCredentials(sid)
  const ada = await subscribe(t, edges.url(0), { sid, token })
  const bob = await subscribe(t, edges.url(1), { sid, token: await edges.token(sid, 'bob') })
  const stranger = await openSocket(t, `${edges.url(0)}/sessions/${sid}/ws`)

  const deletion = { v: 1, type: 'delete_session', userId: 'alice' } as const
  t.match(await requestCommand(edges.bus, sid, deletion), { reply: { ok: true } })
  for (const client of [ada, bob, stranger]) {
    t.strictSame(await client.closed, { code: 4002, reason: 'Session deleted' })
  }
  t.strictSame(await sandbox.closed, { code: 1000, reason: 'Sandbox terminated' })
  t.ok(
    sandbox.frames.some(({ type }) => type === 'shutdown'),
    'its program is told not to come back',
  )

  for (const n of [0, 1]) {
    const url = `${edges.url(n)}/sessions/${sid}/ws`
    await t.rejects(openSocket(t, url), { message: 'refused 404: Session not found' })
    await t.rejects(openSocket(t, `${url}?type=sandbox`, headers), /refused 404/)
  }
  t.same(
    edges.running.flatMap(({ edge }) => edge.rooms.all()),
    [],
    'no room is left open',
  )
})
