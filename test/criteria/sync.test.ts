/** Criterion 3: two clients, on two edges, see the same. */
import t from 'tap'
import { connectSandbox, startProvider } from '../fixtures/provider.ts'
import { type Frame, subscribe } from '../fixtures/socket.ts'
import { startSystem } from '../fixtures/system.ts'

const SHARED = new Set([
  'prompt_queue_updated',
  'processing_status',
  'session_status',
  'sandbox_status',
])

t.test('two clients in sync, whichever edge they are on', async t => {
  const provider = await startProvider(t)
  const system = await startSystem(t, { edges: 2, provider })
  const [one = '', two = ''] = system.edges
  const sid = await system.createSession()
  const a = await subscribe(t, one, { sid, token: await system.wsToken(sid, 'alice') })
  const b = await subscribe(t, two, { sid, token: await system.wsToken(sid, 'bob') })
  const from = [a.frames.length, b.frames.length]

  a.send({ type: 'prompt', content: 'hello', clientRequestId: 'r1' })
  const sandbox = await connectSandbox(t, two, await provider.until('create'))
  const { messageId } = await sandbox.prompt(0)
  sandbox.emit({ type: 'token', messageId, content: 'Hel' })
  sandbox.emit({ type: 'token', messageId, content: 'Hello!' })
  sandbox.emit({
    type: 'tool_call',
    messageId,
    tool: 'bash',
    args: { command: 'ls' },
    callId: 'c1',
    status: 'running',
    output: '',
  })
  sandbox.emit({
    type: 'tool_call',
    messageId,
    tool: 'bash',
    args: { command: 'ls' },
    callId: 'c1',
    status: 'completed',
    output: 'README',
  })
  sandbox.complete(messageId)
  const idle = (frame: Frame) => frame.type === 'session_status' && frame.status === 'completed'
  await Promise.all([a.until(idle), b.until(idle)])

  const stored = (frames: readonly Frame[]) => frames.filter(f => f.sequence !== undefined)
  const seenByA = stored(a.frames.slice(from[0]))
  t.same(stored(b.frames.slice(from[1])), seenByA, 'both saw the same stored events')
  t.same(
    seenByA.map(frame => frame.sequence),
    seenByA.map((_, i) => (seenByA[0]?.sequence as number) + i),
    'numbered without a hole',
  )
  t.same(
    seenByA.map(frame => frame.event.type),
    ['user_message', 'ready', 'token', 'tool_call', 'tool_call', 'execution_complete'],
  )
  t.equal(seenByA[2]?.event.content, 'Hello!')
  const last = (frames: readonly Frame[], type: string) => frames.findLast(f => f.type === type)
  for (const type of SHARED) t.same(last(a.frames, type), last(b.frames, type), type)

  const late = await subscribe(t, one, { sid, token: await system.wsToken(sid, 'carol') })
  t.same(
    late.subscribed.timeline.events.map((item: Frame) => item.event.type),
    ['user_message', 'ready', 'token', 'tool_call', 'execution_complete'],
    'who comes later sees the newest version of each line',
  )
})
