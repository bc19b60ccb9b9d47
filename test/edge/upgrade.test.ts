import t from 'tap'
import { requestCommand } from '../../lib/bus/command.ts'
import { startEdge } from '../../lib/edge/run.ts'
import { makeLog } from '../../lib/telemetry/log.ts'
import { startEdges } from '../fixtures/edges.ts'
import { openSocket } from '../fixtures/socket.ts'

t.test('who may become a WebSocket', async t => {
  const edges = await startEdges(t)
  const sid = await edges.createSession()
  const connect = (path: string, headers?: Record<string, string>) =>
    openSocket(t, `${edges.url()}${path}`, headers)

  await t.test('paths', async t => {
    const refusal = { message: 'refused 400: Invalid WebSocket path' }
    await t.rejects(connect('/'), refusal)
    await t.rejects(connect(`/sessions/${sid}`), refusal)
    await t.rejects(connect(`/sessions/${sid}/ws/more?type=sandbox`), refusal)
  })

  await t.test('an unknown session is 404, and nothing is created', async t => {
    await t.rejects(connect('/sessions/unknown/ws'), { message: 'refused 404: Session not found' })
    await t.rejects(connect('/sessions/a.b/ws'), { message: 'refused 404: Session not found' })
    await t.rejects(connect('/sessions/unknown/ws?type=sandbox'), {
      message: 'refused 404: Session not found',
    })
    t.equal(
      (await edges.bus.jsm.streams.info('EVT', { subjects_filter: '>' })).state.num_subjects,
      1,
    )
  })

  await t.test('a sandbox: status, id, token, in this order', async t => {
    const path = `/sessions/${sid}/ws?type=sandbox`
    const { headers, generation } = await edges.sandboxCredentials(sid)
    await t.rejects(
      connect(path, { ...headers, 'x-sandbox-id': 'other', authorization: 'Bearer x' }),
      {
        message: 'refused 403: Forbidden: Wrong sandbox ID',
      },
    )
    await t.rejects(connect(path, { ...headers, authorization: 'Bearer x' }), {
      message: 'refused 401: Unauthorized: Invalid auth token',
    })
    for (const authorization of ['', 'Bearer ', 'Bearer null']) {
      await t.rejects(connect(path, { ...headers, authorization }), { message: /refused 401/ })
    }
    const socket = await connect(path, headers)
    await socket.close()
    await requestCommand(edges.bus, sid, {
      v: 1,
      type: 'sandbox_exited',
      generation,
      reason: 'the host stops',
      orderly: true,
    })
    await t.rejects(connect(path, headers), { message: 'refused 410: Sandbox is stopped' })
    await t.rejects(connect(path, { authorization: 'Bearer x' }), { message: /refused 410/ })
  })

  await t.test('every answer may be read from any origin', async t => {
    for (const path of ['/health', '/nothing', `/sessions/${sid}/ws`]) {
      const answer = await fetch(`${edges.url()}${path}`)
      t.equal(answer.headers.get('access-control-allow-origin'), '*', path)
      await answer.body?.cancel()
    }
    const preflight = await fetch(`${edges.url()}/sessions/x/ws`, { method: 'OPTIONS' })
    t.equal(preflight.status, 200)
    t.equal(preflight.headers.get('access-control-allow-origin'), '*')
    const { socket } = await connect(`/sessions/${sid}/ws`)
    t.ok(socket)
  })

  await t.test('health counts', async t => {
    const answer = await fetch(`${edges.url()}/health`)
    t.equal(answer.status, 200)
    const body = (await answer.json()) as Record<string, unknown>
    t.match(body, { status: 'healthy', service: 'edge', rooms: 1, clients: 1, sandboxes: 0 })
  })
})

t.test('two edges do not share a port by accident', async t => {
  const edges = await startEdges(t)
  const config = { ...edges.config, edgePort: edges.running[0]!.port }
  await t.rejects(startEdge(config, makeLog('edge', edges.config)), {
    cause: { code: 'PORT_IN_USE' },
  })
})
