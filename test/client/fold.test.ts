import t from 'tap'
import { emptyView, fold, type View } from '../../lib/client/fold.ts'
import type { ServerFrame, ServerFrameOf } from '../../subjects/frames-server.ts'

const session = {
  id: 's',
  title: null,
  repoOwner: 'demo',
  repoName: 'hello',
  baseBranch: 'main',
  branchName: null,
  status: 'created',
  sandboxStatus: 'pending',
  messageCount: 0,
  createdAt: 1,
  updatedAt: 1,
  model: 'a/b',
  reasoningEffort: null,
  isProcessing: false,
  totalCost: 0,
}
const item = (n: number) => ({
  eventId: `e${n}`,
  sequence: n,
  timelineSequence: n,
  event: { type: 'error', n },
})
const subscribed = (recovered: boolean, from: number, to: number): ServerFrameOf<'subscribed'> => ({
  type: 'subscribed',
  sessionId: 's',
  participantId: 'p',
  participant: { participantId: 'p', userId: 'u', name: 'Ada' },
  recovered,
  session,
  artifacts: [],
  timeline: {
    events: Array.from({ length: to - from }, (_, i) => item(from + i + 1)),
    hasMore: from > 0 && !recovered,
    cursor: null,
  },
  promptQueue: [],
  version: 1,
  held: false,
  spawnError: null,
  sequence: to,
})
const stored = (n: number): ServerFrame => ({ type: 'sandbox_event', ...item(n) })
const after = (...frames: ServerFrame[]): View => {
  const end = frames.reduce<View | undefined>((view, frame) => view && fold(view, frame), emptyView)
  if (!end) throw new Error('something was missing')
  return end
}
const numbers = (view: View) => view.lines.map(({ event }) => event.n)

t.test('the snapshot, then what follows it', async t => {
  const view = after(subscribed(false, 0, 2), stored(3))
  t.match(view, { sequence: 3, me: { userId: 'u' }, session: { repoName: 'hello' } })
  t.strictSame(numbers(view), [1, 2, 3])
})

t.test('a hole is noticed, and nothing is folded over it', async t => {
  t.equal(fold(after(subscribed(false, 0, 2)), stored(4)), undefined)
})

t.test('what is known already changes nothing', async t => {
  const view = after(subscribed(false, 0, 2))
  t.equal(fold(view, stored(2)), view)
})

t.test('coming back', async t => {
  const before = after(subscribed(false, 0, 2))
  t.strictSame(numbers(fold(before, subscribed(true, 2, 5))!), [1, 2, 3, 4, 5], 'what was missed')
  t.strictSame(numbers(fold(before, subscribed(true, 2, 2))!), [1, 2], 'which may be nothing')
  t.equal(fold(before, subscribed(true, 3, 5)), undefined, 'a recovery with a hole is none')
  t.equal(
    fold(before, { ...subscribed(true, 2, 4), sequence: 5 }),
    undefined,
    'nor is one that ends early',
  )
  const replaced = fold(before, subscribed(false, 7, 9))!
  t.strictSame(numbers(replaced), [8, 9], 'a snapshot replaces')
  t.ok(replaced.hasEarlier)
})

t.test('an older queue does not replace a newer one', async t => {
  const prompt = {
    messageId: 'm',
    content: 'x',
    status: 'pending' as const,
    source: 'web',
    author: { participantId: 'p', userId: 'u', name: 'Ada' },
    createdAt: 1,
  }
  const update = (version: number, promptQueue: (typeof prompt)[]): ServerFrame => ({
    type: 'prompt_queue_updated',
    promptQueue,
    version,
    held: false,
  })
  const view = after(subscribed(false, 0, 0), update(5, [prompt]), update(4, []))
  t.match(view, { queueVersion: 5, queue: [prompt] })
  t.strictSame(fold(view, update(6, []))?.queue, [])
})

t.test('people come, change and go', async t => {
  const ada = {
    participantId: 'p',
    userId: 'u',
    name: 'Ada',
    status: 'active' as const,
    lastSeen: 1,
  }
  const bob = { ...ada, participantId: 'q', userId: 'v', name: 'Bob' }
  const here = after({ type: 'presence_sync', participants: [ada, bob] })
  t.strictSame(here.people, [ada, bob])
  t.strictSame(fold(here, { type: 'presence_leave', userId: 'v' })?.people, [ada])
})

t.test('statuses', async t => {
  const view = after(
    subscribed(false, 0, 0),
    { type: 'session_status', status: 'active' },
    { type: 'processing_status', isProcessing: true },
    { type: 'session_title', title: 'New' },
    { type: 'sandbox_error', error: 'no repository' },
  )
  t.match(view, {
    session: { status: 'active', isProcessing: true, title: 'New', sandboxStatus: 'failed' },
    sandboxError: 'no repository',
  })
  t.match(
    fold(view, { type: 'sandbox_status', status: 'ready' }),
    { sandboxError: null, session: { sandboxStatus: 'ready' } },
    'an error is over when there is a sandbox',
  )
  const warned = after(
    { type: 'sandbox_warning', message: 'a' },
    { type: 'sandbox_warning', message: 'a' },
  )
  t.strictSame(warned.warning, { text: 'a', count: 2 }, 'the same warning again is news')
})

t.test('growing text needs no sequence and is gone when its message is over', async t => {
  const token: ServerFrame = {
    type: 'sandbox_event',
    event: { type: 'token', messageId: 'm', content: 'words' },
  }
  const growing = after(subscribed(false, 0, 0), token)
  t.match(growing.lines, [{ growing: true, event: { content: 'words' } }])
  const over = fold(growing, {
    type: 'sandbox_event',
    eventId: 'execution_complete:m',
    sequence: 1,
    timelineSequence: 1,
    event: { type: 'execution_complete', messageId: 'm', success: true },
  })
  t.strictSame(
    over?.lines.map(({ id }) => id),
    ['execution_complete:m'],
  )
})
