/** Conformance, what is kept: points 17 and 18 of the specification, archive and history. */
import t from 'tap'
import { connectSandbox, type TestSandbox } from '../fixtures/provider.ts'
import { type Frame, subscribe } from '../fixtures/socket.ts'
import { ackOf, event, eventually, of, refusal, startScene } from './scene.ts'

const scene = await startScene(t)
const { system, call } = scene

t.test('17 archive', async t => {
  const sid = await scene.session()
  const client = await scene.client(t, sid)
  const sandbox = await scene.sandbox(t, sid)
  const messageId = await scene.prompt(sid, 'work')
  await sandbox.prompt(0)
  const put = (path: string, userId: string) => call('POST', `/sessions/${sid}/${path}`, { userId })

  t.match(await put('archive', 'alice'), {
    status: 409,
    body: { error: 'Cannot archive a session with queued work' },
  })
  sandbox.complete(messageId)
  await sandbox.until(ackOf(messageId))
  t.match(await put('archive', 'mallory'), {
    status: 403,
    body: { error: 'Not authorized to archive this session' },
  })
  t.match(await put('unarchive', 'alice'), {
    status: 409,
    body: { error: 'Session is not archived' },
  })

  t.match(await put('archive', 'alice'), { status: 200, body: { status: 'archived' } })
  await client.until(of('session_status', { status: 'archived' }))
  t.equal((await sandbox.closed).code, 1000, 'its sandbox is stopped')
  t.ok(sandbox.frames.some(of('shutdown')))
  await scene.provider.until('stop', body => body.session_id === sid)
  t.match(await refusal(connectSandbox(t, scene.edge(), sandbox.asked.body)), /^refused 410/)
  t.match(await scene.show(sid), { status: 'archived', sandbox: { status: 'stopped' } })
  const prompt = { content: 'too late', authorId: 'alice' }
  t.equal((await call('POST', `/sessions/${sid}/prompt`, prompt)).status, 409)
  client.send({ type: 'prompt', content: 'too late', clientRequestId: 'r1' })
  t.match(await client.until('error'), { code: 'SESSION_NOT_PROMPTABLE', clientRequestId: 'r1' })
  const listed = async (query: string) =>
    eventually(
      async () => (await call('GET', `/sessions?${query}`)).body.sessions as Frame[],
      sessions => sessions.some(one => one.id === sid),
    )
  t.match(
    (await listed('status=archived')).find(one => one.id === sid),
    { status: 'archived' },
    'in the list too',
  )

  t.match(await put('unarchive', 'alice'), { status: 200, body: { status: 'active' } })
  await client.until(of('session_status', { status: 'active' }))
  const next = await scene.prompt(sid, 'again')
  const other = await scene.sandbox(t, sid)
  t.match(await other.prompt(0), { messageId: next, content: 'again' })
  other.complete(next)
  await other.until(ackOf(next))
  t.match(await scene.messages(sid), [{ id: next }, { id: messageId }], 'with what it was')
})

/** Lets the sandbox say `from` … `to`; resolves once the last is stored. */
const say = async (sandbox: TestSandbox, from: number, to: number): Promise<void> => {
  for (let n = from; n <= to; n++) {
    sandbox.emit({ type: 'note', n, ...(n === to ? { ackId: `note:${n}` } : {}) })
  }
  await sandbox.until(of('ack', { ackId: `note:${to}` }))
}

t.test('18 the newest 500 of 1200 events, then two pages of history', async t => {
  const sid = await scene.session()
  const sandbox = await scene.sandbox(t, sid)
  // `ready` is the first line.
  await say(sandbox, 2, 1_200)
  const token = await system.wsToken(sid, 'alice')
  const client = await subscribe(t, scene.edge(), { sid, token })
  const { timeline } = client.subscribed
  t.equal(timeline.events.length, 500)
  t.equal(timeline.hasMore, true)

  // New ones come in while the older are read.
  const later = say(sandbox, 1_201, 1_300)
  const pages: Frame[][] = []
  let cursor = timeline.cursor
  while (cursor && pages.length < 5) {
    const from = client.frames.length
    client.send({ type: 'fetch_history', cursor, limit: 350 })
    const answer = (frame: Frame) => frame.type === 'history_page' || frame.type === 'error'
    const page = await client.until(answer, from)
    if (page.type === 'error') {
      // Asked too soon after the page before: again.
      if (page.code === 'RATE_LIMITED') continue
      throw new Error(page.message)
    }
    pages.unshift(page.items)
    if (!page.hasMore) break
    cursor = page.cursor
  }
  await later
  await client.until(event('note', { n: 1_300 }))
  t.same(
    pages.map(page => page.length),
    [350, 350],
    'two pages',
  )
  const live = client.frames.filter(of('sandbox_event')).filter(frame => frame.sequence)
  const all = [...pages.flat(), ...timeline.events, ...live] as Frame[]
  t.same(
    all.map(item => item.timelineSequence),
    Array.from({ length: 1_300 }, (_, i) => i + 1),
    'no gap, none twice, in order',
  )
  t.same(
    all.slice(1).map(item => item.event.n),
    Array.from({ length: 1_299 }, (_, i) => i + 2),
  )

  for (const broken of [undefined, {}, { timestamp: 'x', id: 1 }]) {
    const from = client.frames.length
    client.send({ type: 'fetch_history', cursor: broken })
    t.match(await client.until('error', from), { code: 'INVALID_CURSOR' })
  }
})
