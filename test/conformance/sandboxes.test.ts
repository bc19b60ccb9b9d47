/** Conformance, the queue and its sandbox: points 4, 5, 7, 13, 14 and 24 of the specification. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sha256Hex } from '../../lib/auth/hash.ts'
import { serviceToken } from '../../lib/auth/service-token.ts'
import { decryptToken, encryptionKeys, encryptToken } from '../../lib/auth/token-encryption.ts'
import { connectSandbox, type TestSandbox } from '../fixtures/provider.ts'
import { type Frame, openSocket } from '../fixtures/socket.ts'
import { sqls } from '../fixtures/store.ts'
import { ackOf, event, eventually, of, refusal, sessionOf, startScene } from './scene.ts'

const scene = await startScene(t, { SPAWN_COOLDOWN_MS: '100', CONNECT_TIMEOUT_MS: '5000' })
const { system, provider, call } = scene

const ids = (messages: readonly Record<string, unknown>[]) => messages.map(({ id }) => id)

/** Every owner's file of the session: one that it has been with has one. */
const databases = (sid: string): string[] =>
  readdirSync(join(system.dataDir, 'owner'), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith(`${sid}.db`))
    .map(path => join(system.dataDir, 'owner', path))

/** Of a sandbox that works, or whose image is taken after that. */
const ALIVE = new Set(['ready', 'snapshotting'])

t.test('4 three prompts before the sandbox is there', async t => {
  const sid = await scene.session()
  const asked = await scene.spawned(sid)
  // All at once, so that times may be equal: then the log's order counts, which the list shows.
  const queued = await Promise.all(['a', 'b', 'c'].map(content => scene.prompt(sid, content)))
  const inOrder = (await scene.messages(sid)).toReversed()
  t.same(new Set(ids(inOrder)), new Set(queued))
  const client = await scene.client(t, sid)
  t.same(
    client.subscribed.promptQueue.map((one: Frame) => one.messageId),
    ids(inOrder),
  )
  const sandbox = await scene.sandbox(t, sid, asked)
  for (const [i, { id, content }] of inOrder.entries()) {
    t.match(await sandbox.prompt(i), { messageId: id, content })
    t.same(ids(await scene.messages(sid, '?status=processing')), [id], 'one at a time')
    t.equal(sandbox.frames.filter(of('prompt')).length, i + 1)
    sandbox.complete(id)
    await sandbox.until(ackOf(id))
  }
  t.same(
    (await scene.messages(sid)).map(({ status }) => status),
    ['completed', 'completed', 'completed'],
  )
})

t.test('5 fifty prompts at once on an idle sandbox', async t => {
  const MANY = 50
  const sid = await scene.session()
  const sandbox = await scene.sandbox(t, sid)
  const client = await scene.client(t, sid)
  await client.until(frame => frame.type === 'subscribed')
  const queued = await Promise.all(
    Array.from({ length: MANY }, (_, i) => scene.prompt(sid, `p${i}`, `user-${i % 7}`)),
  )
  t.equal(new Set(queued).size, MANY)
  const order = ids((await scene.messages(sid, '?limit=100')).toReversed())
  const ran: string[] = []
  for (let i = 0; i < MANY; i++) {
    const { messageId } = await sandbox.prompt(i)
    ran.push(messageId)
    t.equal(sandbox.frames.filter(of('prompt')).length, i + 1, 'exactly one prompt command')
    if (i % 10 === 0) {
      t.same(ids(await scene.messages(sid, '?status=processing')), [messageId])
      for (const file of databases(sid)) {
        const [rows] = await sqls(file, ["select id from messages where status = 'processing'"])
        t.same(rows, [{ id: messageId }], 'in the database too')
      }
    }
    sandbox.complete(messageId)
  }
  t.ok(databases(sid).length > 0, 'there was a database to look into')
  t.same(ran, order, 'each once, in the order of the queue')
  await client.until(of('session_status', { status: 'completed' }))
  t.same(await scene.messages(sid, '?status=pending'), [])
})

t.test('7 the sandbox loses its socket', async t => {
  for (const [code, close] of [
    [1000, (one: TestSandbox) => one.socket.close(1000)],
    [1001, (one: TestSandbox) => one.socket.close(1001)],
    [1006, (one: TestSandbox) => one.socket.terminate()],
  ] as const) {
    await t.test(String(code), async t => {
      const sid = await scene.session()
      const client = await scene.client(t, sid)
      const first = await scene.sandbox(t, sid)
      await client.until(of('sandbox_status', { status: 'ready' }))
      const messageId = await scene.prompt(sid, 'p')
      await first.prompt(0)
      const from = client.frames.length
      close(first)
      await first.closed
      t.match(await scene.show(sid), {
        sandbox: { status: 'ready' },
        session: { isProcessing: true },
      })

      // The bridge kept these while it was away, and sends them again: it never saw an ack.
      const second = await scene.sandbox(t, sid, first.asked)
      const error = { type: 'error', messageId, error: 'kept', ackId: `error:${messageId}` }
      for (let twice = 0; twice < 2; twice++) {
        second.emit(error)
        second.complete(messageId)
      }
      const acks = (id: string) => second.frames.filter(of('ack', { ackId: id }))
      await eventually(
        async () => acks(`execution_complete:${messageId}`).length,
        n => n >= 2,
      )
      t.equal(acks(error.ackId).length, 2, 'acknowledged each time')
      await client.until(of('session_status', { status: 'completed' }))
      const third = await scene.sandbox(t, sid, first.asked)
      third.complete(messageId)
      await third.until(ackOf(messageId))
      const { events } = await scene.events(sid)
      for (const type of ['error', 'execution_complete']) {
        t.equal(events.filter((one: Frame) => one.type === type).length, 1, `one ${type}`)
      }
      t.equal(second.frames.filter(of('prompt')).length, 0, 'and the prompt was not sent again')
      t.same(
        client.frames.slice(from).filter(f => f.type === 'sandbox_status' && !ALIVE.has(f.status)),
        [],
        'a close says nothing about its life',
      )
      t.match(await scene.messages(sid), [{ id: messageId, status: 'completed' }])
    })
  }
})

t.test('13 the bridge is there before its provider has answered', async t => {
  const accepts = provider.answer
  let answerNow = () => {}
  const held = new Promise<void>(resolve => {
    answerNow = resolve
  })
  const sids: string[] = []
  provider.answer = async one => {
    if (sids.length === 0 || sids.includes(sessionOf(one))) await held
    return accepts(one)
  }
  t.teardown(() => {
    answerNow()
    provider.answer = accepts
  })
  const sid = await scene.session()
  sids.push(sid)
  const client = await scene.client(t, sid)
  const sandbox = await scene.sandbox(t, sid)
  await client.until(of('sandbox_status', { status: 'ready' }))
  const from = client.frames.length
  answerNow()
  // The answer is in the log before a prompt that comes after its effect: the stop names the object.
  const messageId = await scene.prompt(sid, 'p')
  await sandbox.prompt(0)
  sandbox.complete(messageId)
  await client.until(of('session_status', { status: 'completed' }))
  const named = ({ sandbox: one }: { sandbox: Record<string, unknown> }) => one
  t.match(named((await scene.show(sid)) as never), { status: /ready|snapshotting/ })
  const statuses = client.frames.slice(from).filter(of('sandbox_status'))
  t.same(
    statuses.filter(frame => !ALIVE.has(frame.status)),
    [],
    'it stayed ready',
  )
})

t.test('14 a sandbox that was replaced', async t => {
  const sid = await scene.session()
  const client = await scene.client(t, sid)
  const old = await scene.spawned(sid)
  const messageId = await scene.prompt(sid, 'p')
  // The first never connects, so a second one is asked for.
  await client.until('sandbox_error')
  const sandbox = await scene.sandbox(t, sid)
  t.match(await sandbox.prompt(0), { messageId })
  t.not(sandbox.sandboxId, old.body.sandbox_id)
  t.equal(
    await refusal(connectSandbox(t, scene.edge(), old.body)),
    'refused 403: Forbidden: Wrong sandbox ID',
  )
  const url = `${scene.edge()}/sessions/${sid}/ws?type=sandbox`
  for (const authorization of [`Bearer ${old.body.sandbox_auth_token}`, 'Bearer null', 'Bearer ']) {
    const forged = openSocket(t, url, { authorization, 'x-sandbox-id': sandbox.sandboxId })
    t.equal(await refusal(forged), 'refused 401: Unauthorized: Invalid auth token')
  }

  // A second socket of the present sandbox replaces the first, whose close comes late.
  const again = await scene.sandbox(t, sid, sandbox.asked)
  t.same(await sandbox.closed, { code: 1000, reason: 'New sandbox connecting' })
  t.match(await scene.show(sid), { sandbox: { status: 'ready' }, session: { isProcessing: true } })
  again.complete(messageId)
  await again.until(ackOf(messageId))
  const next = await scene.prompt(sid, 'q')
  t.match(await again.until(of('prompt', { messageId: next })), { content: 'q' }, 'and works on')
  await client.until(event('execution_complete', { messageId, success: true }))
})

t.test('24 the vectors of the specification', async t => {
  t.equal(
    serviceToken('test-secret', 1_760_000_000_000),
    '1760000000000.0eab0d230049a8abf5caa478f29616ce7ad5a007b19b39bea3f8b9bbc1334493',
  )
  t.equal(
    sha256Hex('0'.repeat(64)),
    '60e05bd1b195af2f94112fa7197a5c88289058840ce7c6df9693756bc6250f55',
  )
  const keys = encryptionKeys('AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=')
  const vector = 'AgICAgICAgICAgICYL6mFj4ysomMuNOjOck89613AOj8VnFmAWo7dTQF'
  t.equal(encryptToken(keys, 'gho_test_token', Buffer.alloc(12, 2)).split(':').at(-1), vector)
  t.equal(decryptToken(keys, vector), 'gho_test_token')
  const { status } = await call('GET', '/sessions')
  t.equal(status, 200, 'the token of this very code opens the door')
})
