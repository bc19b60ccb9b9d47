import t from 'tap'
import { cutText, fitText, shrinkEvent } from '../../lib/edge/shrink.ts'
import { parseSandboxEvent, type SandboxEvent } from '../../subjects/sandbox-event.ts'

const LIMIT = 10_000
const size = (value: unknown) => Buffer.byteLength(JSON.stringify(value))
const call = (more: object): SandboxEvent =>
  ({
    type: 'tool_call',
    messageId: 'm',
    callId: 'c',
    tool: 'bash',
    run: 'r',
    seq: 3,
    ackId: 'r:3',
    ...more,
  }) as SandboxEvent

t.test('what fits stays as it is', async t => {
  const event = call({ output: 'x'.repeat(9_000) })
  t.equal(shrinkEvent(event, LIMIT), event)
})

t.test('a long text loses its end and says so', async t => {
  const event = shrinkEvent(call({ output: 'x'.repeat(1_000_000), args: { command: 'ls' } }), LIMIT)
  t.ok(size(event) <= LIMIT)
  t.match(event, {
    callId: 'c',
    seq: 3,
    ackId: 'r:3',
    truncated: true,
    args: { command: 'ls' },
    output: /^x{8192}\n… \[991808 of 1000000 characters left out\]$/,
  })
})

t.test('however it is large, it fits, is of the same type and still valid', async t => {
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`key${i}`, i]))
  const nested = { a: [{ b: ['y'.repeat(50_000), { c: 'z'.repeat(50_000) }] }] }
  const events = [
    call({ args: many }),
    call({ args: nested, output: nested }),
    call({ output: Array.from({ length: 5_000 }, () => 'line') }),
    { type: 'error', error: '😀'.repeat(50_000), more: many },
    { type: 'warning', message: 'w'.repeat(50_000), ...many },
    { type: 'session_title', title: 't', ...many },
    { type: 'execution_complete', success: true, ...many },
    { type: 'artifact', artifactType: 'pr', metadata: many, url: 'https://x' },
    { type: 'git_sync', status: 'completed', ...many },
    { type: 'unheard_of', ...many },
  ] as SandboxEvent[]
  for (const event of events) {
    const smaller = shrinkEvent(event, LIMIT)
    t.ok(size(smaller) <= LIMIT, event.type)
    t.equal(smaller.type, event.type)
    t.match(smaller, { truncated: true })
    t.match(parseSandboxEvent(smaller), { ok: true }, `${event.type} is still valid`)
  }
})

t.test('a cut leaves no half character', async t => {
  t.equal(cutText('ab😀cd', 3), 'ab\n… [3 of 6 characters left out]')
  t.equal(cutText('abc', 3), 'abc')
})

t.test('a text that is too long keeps its beginning and its end', async t => {
  t.equal(fitText('short', 100), 'short')
  for (const letter of ['x', 'é', '\u0001', '😀', '\ud83d']) {
    const text = `first ${letter.repeat(100_000)} last`
    const fits = fitText(text, 5_000)
    t.ok(size(fits) <= 5_000)
    t.ok(size(fits) > 500, 'not much less than it might be')
    t.match(fits, /^first .*characters left out\] …\n.* last$/s)
  }
})
