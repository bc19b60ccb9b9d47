/** Conformance, what streams to people: points 19, 20 and 25 of the specification. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Frame } from '../fixtures/socket.ts'
import { COPIES, event, of, startScene } from './scene.ts'

const scene = await startScene(t)
const { system } = scene

const noted = (n: number) => event('note', { n })
const notes = (frames: readonly Frame[]): number[] =>
  frames.filter(event('note')).map(frame => frame.event.n)
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

t.test('19 subscribing while a thousand events a second stream in', async t => {
  const MOST = 3_000
  const sid = await scene.session()
  const sandbox = await scene.sandbox(t, sid)
  const first = await scene.client(t, sid)
  const joining: Promise<readonly Frame[]>[] = []
  /** Everything that one client has seen, its snapshot and then its frames, once the last is there. */
  const follow = async (userId: string, after?: number) => {
    const client = await scene.client(t, sid, { userId, ...(after === undefined ? {} : { after }) })
    const has = (frame: Frame) => noted(MOST)(frame)
    const page = client.subscribed.timeline.events.map((item: Frame) => ({
      ...item,
      type: 'sandbox_event',
    }))
    if (!page.some(has)) await client.until(has)
    return [...page, ...client.frames.filter(frame => frame.sequence && frame.event)]
  }
  for (let n = 1; n <= MOST; n++) {
    sandbox.emit({ type: 'note', n })
    if (n % 50 === 0) await new Promise(resolve => setImmediate(resolve))
    if (n % 500 === 0) {
      await first.until(noted(n - 250))
      joining.push(follow(`user-${n}`))
      joining.push(follow(`back-${n}`, Math.max(1, n - 400)))
    }
  }
  await first.until(noted(MOST))
  t.same(notes(first.frames), upTo(MOST), 'who was there has each once, in order')
  for (const frames of await Promise.all(joining)) {
    const seen = notes(frames)
    const start = seen[0] ?? 0
    t.ok(start >= 1)
    t.same(seen, upTo(MOST).slice(start - 1), `each once, from ${start} on`)
    const sequences = frames.map(frame => frame.sequence as number)
    t.same(
      sequences,
      sequences.map((_, i) => (sequences[0] as number) + i),
      'no sequence twice, none left out',
    )
  }
})

t.test('20 ten events in one millisecond, by pages of three', async t => {
  const sid = await scene.session()
  const sandbox = await scene.sandbox(t, sid)
  const client = await scene.client(t, sid)
  // While the owners stand still the events gather, and are stored together when they go on.
  const owners = upTo(COPIES).map(n => system.process('owner', n - 1))
  for (const owner of owners) owner.pause()
  for (let n = 0; n <= 10; n++)
    sandbox.emit({ type: 'tool_result', messageId: 'm', callId: `c${n}` })
  sandbox.send({ type: 'ping' })
  for (const owner of owners) owner.resume()
  await client.until(event('tool_result', { callId: 'c10' }))
  const all = (await scene.events(sid, '?type=tool_result&limit=50')).events as Frame[]
  t.equal(all.length, 11)
  const times = new Map<number, number>()
  for (const { createdAt } of all) times.set(createdAt, (times.get(createdAt) ?? 0) + 1)
  t.ok(Math.max(...times.values()) >= 10, `ten share a millisecond: ${[...times.values()]}`)

  const paged: string[] = []
  for (let cursor = ''; ; ) {
    const page = await scene.events(sid, `?type=tool_result&limit=3${cursor}`)
    t.ok(page.events.length <= 3)
    paged.push(...page.events.map((item: Frame) => item.data.callId))
    if (!page.hasMore) break
    cursor = `&cursor=${encodeURIComponent(page.cursor)}`
  }
  t.same(
    paged,
    upTo(11).map(n => `c${11 - n}`),
    'all, once, newest first',
  )
})

t.test('25 a client that does not read', async t => {
  const sid = await scene.session()
  const slow = await scene.client(t, sid, { userId: 'slow' })
  const sandbox = await scene.sandbox(t, sid)
  // On the same edge or on the other: both must have everything, at once.
  const quick = [
    await scene.client(t, sid, { userId: 'bob' }),
    await scene.client(t, sid, { userId: 'carol' }),
  ]
  slow.socket.pause()
  let out = false
  void quick[0]
    ?.until(frame => frame.type === 'presence_leave' && frame.userId === 'slow')
    .then(
      () => {
        out = true
      },
      () => {},
    )
  let sent = 0
  while (!out && sent < 1_000) {
    sent++
    sandbox.emit({ type: 'note', n: sent, filling: 'x'.repeat(100_000) })
    await Promise.all(quick.map(client => client.until(noted(sent))))
  }
  t.ok(out, `out after ${sent} large events`)
  for (const client of quick) t.same(notes(client.frames), upTo(sent), 'nobody else misses any')
  slow.socket.resume()
  t.equal((await slow.closed).code, 1013)
  t.same(notes(slow.frames), upTo(notes(slow.frames).length), 'until then it has everything too')
  const back = await scene.client(t, sid, { userId: 'slow' })
  t.equal(back.subscribed.timeline.events.at(-1).event.n, sent, 'and comes back to the newest')
})

t.test('25 clients that do not read take no memory without bound', async t => {
  const SLOW = 30
  const MORE = 100
  const FILLING = 'x'.repeat(100_000)
  const sid = await scene.session()
  const sandbox = await scene.sandbox(t, sid)
  const quick = await scene.client(t, sid, { userId: 'quick' })
  const slow = await Promise.all(upTo(SLOW).map(n => scene.client(t, sid, { userId: `slow-${n}` })))
  for (const { socket } of slow) socket.pause()
  const residentMb = () =>
    upTo(COPIES).reduce((sum, n) => {
      const status = readFileSync(`/proc/${system.process('edge', n - 1).pid()}/status`, 'utf8')
      return sum + Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
    }, 0)
  let sent = 0
  const flood = async () => {
    sandbox.emit({ type: 'note', n: ++sent, filling: FILLING })
    await quick.until(noted(sent))
  }
  const isLeave = of('presence_leave')
  while (quick.frames.filter(isLeave).length < SLOW && sent < 1_000) await flood()
  const before = residentMb()
  let most = before
  for (let n = 0; n < MORE; n++) {
    await flood()
    most = Math.max(most, residentMb())
  }
  const grownMb = Math.round(most - before)
  const keptMb = Math.round((SLOW * MORE * FILLING.length) / 1024 ** 2)
  t.comment(`out after ${sent - MORE} events; ${grownMb} MB more then; kept for all: ${keptMb} MB`)
  t.ok(grownMb < keptMb / 2, `what came then was not kept for them: ${grownMb} of ${keptMb} MB`)
  for (const { socket } of slow) socket.resume()
  const codes = await Promise.all(slow.map(async client => (await client.closed).code))
  t.same([...new Set(codes)], [1013])
})
