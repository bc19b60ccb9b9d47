/** What an edge does when things under it are lost: messages, the bus, itself. */
import { spawn } from 'node:child_process'
import t from 'tap'
import { publishCommand } from '../../lib/bus/command.ts'
import type { Edge } from '../../lib/edge/edge.ts'
import { compareWithLog } from '../../lib/edge/upkeep.ts'
import { freePort } from '../../lib/process/free-port.ts'
import { recordSubject, sessionId } from '../../subjects/subjects.ts'
import { type Edges, startEdges } from '../fixtures/edges.ts'
import { type Frame, openSocket, subscribe } from '../fixtures/socket.ts'

type Test = Parameters<typeof openSocket>[0]

const notes = async (edges: Edges, sid: string, from: number, to: number) => {
  const { generation } = await edges.sandboxCredentials(sid)
  for (let n = from; n <= to; n++) {
    const events = [{ type: 'note', n, run: 'r', seq: n }]
    await publishCommand(edges.bus, sid, { v: 1, type: 'sandbox_events', generation, events })
  }
}
const note = (n: number) => (frame: Frame) => frame.event?.n === n
const seen = (frames: readonly Frame[]) =>
  frames.filter(frame => frame.event?.type === 'note').map(frame => frame.event.n)
const range = (to: number) => Array.from({ length: to }, (_, i) => i + 1)

/** The server forgets the edge's subscription to a session's records; nobody is told. */
const loseRecords = async ({ bus }: Edge, sid: string) => {
  type Subs = Map<number, { subject: string }>
  type Inner = { protocol: { subscriptions: { subs: Subs }; unsub(subscription: unknown): void } }
  const { protocol } = bus.nc as unknown as Inner
  for (const one of protocol.subscriptions.subs.values()) {
    if (one.subject === `live.${sid}`) protocol.unsub(one)
  }
  await bus.nc.flush()
}

t.test('records that the bus lost without a sign are found by comparing with the log', async t => {
  const edges = await startEdges(t)
  const sid = await edges.createSession()
  const client = await subscribe(t, edges.url(), { sid, token: await edges.token(sid) })
  await notes(edges, sid, 1, 2)
  await client.until(note(2))
  const { edge } = edges.running[0]!
  await loseRecords(edge, sid)
  await notes(edges, sid, 3, 20)
  while ((await edges.newest(sid, 'timeline'))?.sequence !== 20) await edges.bus.nc.flush()
  t.same(seen(client.frames), [1, 2], 'nothing arrives')
  await compareWithLog(edge)
  await client.until(note(20))
  t.same(seen(client.frames), range(20))
})

t.test('who joins a room that is behind waits until it is not, and sees nothing twice', async t => {
  const edges = await startEdges(t)
  const sid = await edges.createSession()
  const first = await subscribe(t, edges.url(), { sid, token: await edges.token(sid) })
  await notes(edges, sid, 1, 2)
  await first.until(note(2))
  const { edge } = edges.running[0]!
  await loseRecords(edge, sid)
  await notes(edges, sid, 3, 20)
  const second = await subscribe(t, edges.url(), { sid, token: await edges.token(sid, 'bob') })
  await compareWithLog(edge)
  await first.until(note(20))
  second.send({ type: 'ping' })
  await second.until('pong')
  t.equal(second.subscribed.sequence, 20)
  t.same(seen(second.frames), [])
  t.same(seen(first.frames), range(20), 'nor do those who were there')
})

t.test('the bus goes away and comes back under open sockets', async t => {
  const edges = await startEdges(t)
  const sid = await edges.createSession()
  const token = await edges.token(sid)
  const client = await subscribe(t, edges.url(), { sid, token })
  const sandbox = await edges.sandbox(t, sid)
  sandbox.emit({ type: 'note', n: 1, ackId: 'a1' })
  await client.until(note(1))
  await edges.nats.kill()

  client.send({ type: 'ping' })
  await client.until('pong')
  for (let n = 2; n <= 30; n++) sandbox.emit({ type: 'note', n, ackId: `a${n}` })
  client.send({ type: 'prompt', content: 'kept or told', clientRequestId: 'r' })
  await t.rejects(openSocket(t, `${edges.url()}/sessions/unknown/ws`), { message: /refused 503/ })

  await edges.nats.restart()
  await sandbox.until(frame => frame.type === 'ack' && frame.ackId === 'a30')
  await client.until(note(30))
  t.same(seen(client.frames), range(30))
  const outcome = await client.until(
    frame => frame.clientRequestId === 'r' && ['prompt_queued', 'error'].includes(frame.type),
  )
  if (outcome.type === 'error') {
    t.match(outcome.message, /try again/, 'it says to try again')
    client.send({ type: 'prompt', content: 'kept or told', clientRequestId: 'r' })
    await client.until('prompt_queued')
  }
  t.pass('the prompt is queued')
  t.equal(client.frames.filter(frame => frame.type === 'subscribed').length, 1)
})

/** An edge as a process of its own, to be ended by force. */
const edgeProcess = async (t: Test, edges: Edges) => {
  const port = await freePort()
  const { config } = edges
  const child = spawn(process.execPath, ['cmd/edge.ts'], {
    cwd: new URL('../../', import.meta.url).pathname,
    env: {
      PATH: process.env.PATH,
      NATS_URL: edges.nats.url,
      DATA_DIR: config.dataDir,
      EDGE_PORT: String(port),
      GIT_HOST: 'none',
      INTERNAL_CALLBACK_SECRET: config.internalCallbackSecret,
      TOKEN_ENCRYPTION_KEY: config.tokenEncryptionKey,
    } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  let said = ''
  for await (const bytes of child.stdout) {
    said += bytes
    if (said.includes('listening')) break
  }
  return { url: `http://127.0.0.1:${port}`, child, said }
}

t.test(
  'an edge is killed; its sockets go on at another, nothing is missing or doubled',
  async t => {
    const edges = await startEdges(t)
    const sid = await edges.createSession()
    const token = await edges.token(sid)
    const { url, child, said } = await edgeProcess(t, edges)
    t.match(
      said,
      new RegExp(`listening=127.0.0.1:${new URL(url).port}`),
      'it says where it listens',
    )
    const watching = await subscribe(t, edges.url(), { sid, token: await edges.token(sid, 'bob') })
    const first = await subscribe(t, url, { sid, token })
    await watching.until(
      frame => frame.type === 'presence_update' && frame.participants.length === 2,
    )
    first.send({ type: 'prompt', content: 'p', clientRequestId: 'p' })
    const { headers } = await edges.sandboxCredentials(sid)
    const connect = (base: string) =>
      openSocket(t, `${base}/sessions/${sid}/ws?type=sandbox`, headers)
    const sandbox = await connect(url)
    await sandbox.until('prompt')

    // Half of what is said is on its way when the edge dies.
    const say = (socket: typeof sandbox, n: number) =>
      socket.send({ type: 'note', n, run: 'r', seq: n, ackId: `r:${n}` })
    for (let n = 1; n <= 100; n++) say(sandbox, n)
    await sandbox.until(frame => frame.ackId === 'r:20')
    child.kill('SIGKILL')
    t.equal((await sandbox.closed).code, 1006)
    await first.closed
    const after = first.frames.findLast(frame => frame.sequence !== undefined)?.sequence ?? 0
    const acked = sandbox.frames.filter(frame => frame.type === 'ack').length

    const again = await connect(edges.url())
    for (let n = acked + 1; n <= 120; n++) say(again, n)
    await again.until(frame => frame.ackId === 'r:120')
    const second = await subscribe(t, edges.url(), { sid, token, after })
    t.equal(second.subscribed.recovered, true)
    await watching.until(note(120))
    await second.until('presence_update')
    const resumed = second.subscribed.timeline.events.map((item: Frame) => item.event)
    const all = [
      ...seen(first.frames),
      ...resumed.filter((e: Frame) => e.type === 'note').map((e: Frame) => e.n),
      ...seen(second.frames),
    ]
    t.same(all, range(120))
    t.same(seen(watching.frames), range(120))
  },
)

t.test('an edge that is asked to stop finishes what it was told', async t => {
  const edges = await startEdges(t, { edges: 2 })
  const sid = await edges.createSession()
  const client = await subscribe(t, edges.url(0), { sid, token: await edges.token(sid) })
  const watching = await subscribe(t, edges.url(1), { sid, token: await edges.token(sid, 'bob') })
  client.send({ type: 'prompt', content: 'p' })
  const sandbox = await edges.sandbox(t, sid, 0)
  const { messageId } = await sandbox.until('prompt')
  for (let n = 1; n <= 500; n++) sandbox.emit({ type: 'note', n })
  sandbox.emit({ type: 'token', messageId, content: 'unfinished' })
  await watching.until(frame => frame.event?.type === 'token')
  client.send({ type: 'prompt', content: 'last words', clientRequestId: 'last' })
  client.send({ type: 'ping' })
  await client.until('pong')

  const stopping = edges.running[0]!.stop()
  t.same(await sandbox.closed, { code: 1012, reason: 'Restarting' })
  t.same(await client.closed, { code: 1012, reason: 'Restarting' })
  t.match(
    client.frames.find(frame => frame.clientRequestId === 'last'),
    { type: 'prompt_queued' },
  )
  await watching.until('presence_leave')
  await stopping
  await t.rejects(openSocket(t, `${edges.url(0)}/sessions/${sid}/ws`), { code: 'ECONNREFUSED' })
  await watching.until(frame => frame.event?.type === 'token' && frame.sequence !== undefined)
  t.same(seen(watching.frames), range(500))
  t.ok(await edges.newest(sid, 'sandbox_disconnected'))
})

t.test('a session whose log cannot be followed is left, not shown with a hole', async t => {
  const edges = await startEdges(t)
  const sid = await edges.createSession()
  const client = await subscribe(t, edges.url(), { sid, token: await edges.token(sid) })
  const sandbox = await edges.sandbox(t, sid)
  await edges.owner.stop()
  await edges.bus.js.publish(recordSubject(sessionId(sid)), 'no record')
  t.same(await client.closed, { code: 4009, reason: 'Session synchronization failed' })
  t.equal((await sandbox.closed).code, 1013)
})
