import type { SessionUpdate } from '@agentclientprotocol/sdk'
import t from 'tap'
import type { SandboxSaying } from '../../../lib/sandbox/bridge/outbox.ts'
import { createTurn } from '../../../lib/sandbox/bridge/turn.ts'

const make = () => {
  const said: SandboxSaying[] = []
  const texts: string[] = []
  const timers = new Set<() => void>()
  const turn = createTurn({
    messageId: 'm',
    say: event => said.push(event),
    text: (_, content) => texts.push(content),
    after: (_, call) => {
      timers.add(call)
      return () => timers.delete(call)
    },
  })
  const tick = () => {
    for (const call of timers) {
      timers.delete(call)
      call()
    }
  }
  return { turn, said, texts, tick }
}

const words = (text: string): SessionUpdate => ({
  sessionUpdate: 'agent_message_chunk',
  content: { type: 'text', text },
})
const thought = (text: string): SessionUpdate => ({
  sessionUpdate: 'agent_thought_chunk',
  content: { type: 'text', text },
})
const output = (text: string) => [{ type: 'content', content: { type: 'text', text } }] as const
const begun: SessionUpdate = {
  sessionUpdate: 'tool_call',
  toolCallId: 'c1',
  title: 'ls -la',
  kind: 'execute',
  status: 'pending',
  rawInput: { command: 'ls -la' },
}
const update = (more: object): SessionUpdate => ({
  sessionUpdate: 'tool_call_update',
  toolCallId: 'c1',
  ...more,
})

t.test('text grows; a tool call begins a new paragraph', async t => {
  const { turn, texts } = make()
  turn.update(words('I '))
  turn.update(words('look.'))
  turn.update(begun)
  turn.update(words('Done.'))
  t.strictSame(texts, ['I ', 'I look.', 'I look.\n\nDone.'])
})

t.test('each status at once, growing output now and then, nothing twice', async t => {
  const { turn, said, tick } = make()
  turn.update(begun)
  turn.update(begun)
  tick()
  turn.update(update({ status: 'in_progress' }))
  turn.update(update({ content: [...output('a')] }))
  turn.update(update({ content: [...output('ab')] }))
  t.ok(turn.busy())
  tick()
  turn.update(update({ content: [...output('abc')] }))
  turn.update(update({ status: 'completed', content: [...output('abcd')] }))
  tick()
  t.notOk(turn.busy())
  t.strictSame(
    said.map(({ status, output: shown }) => [status, shown]),
    [
      ['pending', undefined],
      ['running', undefined],
      ['running', 'ab'],
      ['completed', 'abcd'],
    ],
  )
  t.match(said[0], { tool: 'bash', title: 'ls -la', args: { command: 'ls -la' }, callId: 'c1' })
})

t.test('what an agent says of a call in other ways', async t => {
  const { turn, said } = make()
  turn.update({ ...begun, title: 'webfetch', kind: 'fetch' })
  turn.update(update({ status: 'failed', title: 'Fetch it', rawOutput: { output: 'no route' } }))
  t.match(said[1], { tool: 'webfetch', title: 'Fetch it', status: 'error', output: 'no route' })
  const diff = { type: 'diff', path: 'a', oldText: 'x\ny\nz', newText: 'x\nY\nz' }
  turn.update(update({ toolCallId: 'c2', kind: 'edit', status: 'completed', content: [diff] }))
  t.match(said[2], { tool: 'edit', output: '--- a\n  x\n- y\n+ Y\n  z' })
})

t.test('output is bounded and says so', async t => {
  const { turn, said } = make()
  turn.update(update({ status: 'completed', content: [...output(`<${'x'.repeat(500_000)}>`)] }))
  const shown = `${said[0]?.output}`
  t.ok(shown.length < 101_000)
  t.match(shown, /^<x+\n… 400002 characters left out …\nx+>$/)
})

t.test('thoughts are one event each, plans and permissions are told', async t => {
  const { turn, said } = make()
  turn.update(thought('Hm, '))
  turn.update(thought('so.'))
  turn.update(words('Yes.'))
  turn.update({ sessionUpdate: 'plan', entries: [] })
  turn.permission('c1', 'rm', 'Always allow')
  t.strictSame(said, [
    { type: 'agent_thought', messageId: 'm', content: 'Hm, so.' },
    { type: 'plan', messageId: 'm', entries: [] },
    { type: 'permission', messageId: 'm', callId: 'c1', title: 'rm', answer: 'Always allow' },
  ])
})

t.test('an end leaves no call open and hears nothing more', async t => {
  const { turn, said } = make()
  t.notOk(turn.spoke())
  turn.update(begun)
  turn.update(update({ status: 'in_progress', content: [...output('half')] }))
  turn.finish('Execution was stopped')
  turn.update(words('late'))
  turn.finish('again')
  t.strictSame(
    said.map(({ status, output: shown }) => [status, shown]),
    [
      ['pending', undefined],
      ['running', 'half'],
      ['error', 'half\nExecution was stopped'],
    ],
  )
  t.ok(turn.spoke())
})
