import t from 'tap'
import { createOutbox, type OutboxOptions } from '../../../lib/sandbox/bridge/outbox.ts'

type Line = { type: string; seq?: number; content?: string; n?: number; messageId?: string }

/** An outbox with a clock that the test moves and sockets that keep what they got. */
const make = (options: Partial<OutboxOptions> = {}) => {
  const timers: Array<() => void> = []
  const outbox = createOutbox({
    run: 'r',
    sandboxId: 'sb',
    nowMs: () => 1_500,
    after: (_, call) => timers.push(call),
    ...options,
  })
  return {
    outbox,
    tick: () => {
      for (const call of timers.splice(0)) call()
    },
    socket: () => {
      const lines: Line[] = []
      outbox.attach(frame => lines.push(JSON.parse(frame)))
      return lines
    },
  }
}

const step = (n: number) => ({ type: 'tool_call', messageId: 'm', n })
const numbers = (lines: readonly Line[]) => lines.flatMap(line => line.seq ?? [])

t.test('numbers what is stored and stamps everything', async t => {
  const { outbox, socket } = make()
  const lines = socket()
  outbox.say(step(1))
  t.strictSame(lines, [
    { ...step(1), sandboxId: 'sb', timestamp: 1.5, run: 'r', seq: 1, ackId: 'r:1' },
  ])
})

t.test('a new socket gets the unconfirmed, in order, and nothing else', async t => {
  const { outbox, socket } = make()
  socket()
  for (const n of [1, 2, 3]) outbox.say(step(n))
  outbox.acked('r:1')
  outbox.acked('other:9')
  outbox.acked('nonsense')
  outbox.detach()
  outbox.say(step(4))
  t.strictSame(numbers(socket()), [2, 3, 4])
  outbox.acked('r:3')
  t.strictSame(numbers(socket()), [4], 'one confirmation stands for all before it')
})

t.test('text goes out at most once per tick, always before what followed it', async t => {
  const { outbox, tick, socket } = make()
  const first = socket()
  outbox.text('m', 'a')
  outbox.text('m', 'ab')
  t.strictSame(first, [])
  tick()
  outbox.text('m', 'abc')
  outbox.say(step(1))
  tick()
  t.strictSame(
    first.map(line => line.content ?? line.seq),
    ['ab', 'abc', 1],
  )
  outbox.text('m', 'abcd')
  const second = socket()
  t.strictSame(
    second.map(line => line.content ?? line.seq),
    ['abc', 1, 'abcd'],
    'and again in the same order',
  )
})

t.test('the text of a finished message is forgotten with its confirmation', async t => {
  const { outbox, socket } = make()
  outbox.text('m', 'all of it')
  outbox.say({ type: 'execution_complete', messageId: 'm', success: true })
  t.strictSame(
    socket().map(line => line.content ?? line.type),
    ['all of it', 'execution_complete'],
  )
  outbox.acked('r:1')
  t.strictSame(socket(), [])
})

t.test('no more than a window is under way', async t => {
  const { outbox, socket, tick } = make({ windowItems: 2 })
  const lines = socket()
  for (const n of [1, 2, 3, 4, 5]) outbox.say(step(n))
  outbox.text('m', 'late')
  tick()
  t.strictSame(numbers(lines), [1, 2])
  outbox.acked('r:1')
  t.strictSame(numbers(lines), [1, 2, 3])
  outbox.acked('r:3')
  t.strictSame(numbers(lines), [1, 2, 3, 4, 5])
  t.equal(lines.at(-1)?.content, 'late', 'the newest text comes after all events')
})

t.test('past its bound it drops the oldest uncritical, once with a warning', async t => {
  const { outbox, socket } = make({ maxItems: 4 })
  outbox.say({ type: 'error', messageId: 'm', error: 'kept' })
  for (let n = 1; n <= 10; n += 1) outbox.say(step(n))
  const lines = socket()
  t.equal(lines[0]?.type, 'error')
  t.equal(lines.filter(line => line.type === 'warning').length, 1)
  t.strictSame(
    lines.flatMap(line => line.n ?? []),
    [9, 10],
  )
  t.equal(outbox.size(), 4)
})

t.test('tells when all is confirmed', async t => {
  const { outbox, socket } = make()
  await outbox.drained()
  socket()
  outbox.say(step(1))
  const drained = outbox.drained()
  outbox.acked('r:1')
  await t.resolves(drained)
})
