import t from 'tap'
import { isKnown, parseSandboxEvent } from '../../subjects/sandbox-event.ts'

const ok = (value: unknown) => {
  const parsed = parseSandboxEvent(value)
  return parsed.ok ? parsed.event : parsed.reason
}

t.test('every type of the original is taken, with what else it carries', async t => {
  const known = [
    { type: 'ready', opencodeSessionId: null, runtimeVersion: '1.2', repositories: [] },
    { type: 'heartbeat', status: 'ready' },
    { type: 'token', messageId: 'm', content: '' },
    {
      type: 'tool_call',
      messageId: 'm',
      tool: 'bash',
      args: {},
      callId: 'c',
      status: '',
      output: 'x',
    },
    { type: 'tool_result', messageId: 'm', callId: 'c', result: 'r' },
    { type: 'step_start', messageId: 'm' },
    { type: 'step_finish', messageId: 'm', cost: Number.MAX_VALUE, tokens: {} },
    { type: 'error', messageId: 'm', error: 'boom' },
    { type: 'execution_complete', messageId: 'm', success: true },
    { type: 'git_sync', status: 'completed', sha: 'abc' },
    { type: 'artifact', artifactType: 'branch', url: 'https://x' },
    { type: 'push_complete' },
    { type: 'push_error', error: 'no' },
    { type: 'snapshot_ready', opencodeSessionId: 's' },
    { type: 'warning', scope: 'sync', message: 'w' },
    { type: 'session_title', title: 't' },
    { type: 'context_compacted', messageId: 'm' },
  ]
  for (const event of known) {
    const full = { ...event, sandboxId: 'sb', timestamp: 1.5, extra: { kept: true } }
    t.same(ok(full), full, event.type)
    t.equal(isKnown(full as never), true)
  }
})

t.test('an unknown type is kept as it is; a known one that is malformed is refused', async t => {
  const future = { type: 'thought', text: 'hm', nested: [1, { a: 2 }] }
  t.same(ok(future), future)
  t.equal(isKnown(future), false)
  t.match(ok({ type: 'tool_call', messageId: 'm' }), /tool|callId/)
  t.match(ok({ type: 'execution_complete', messageId: 'm', success: 'yes' }), /success/)
  for (const value of [null, 7, 'x', [], {}, { type: 5 }, { type: '' }]) {
    t.type(ok(value), 'string', JSON.stringify(value))
  }
})

t.test('a sandbox may not speak for a person', async t => {
  t.match(ok({ type: 'user_message', content: 'rm -rf' }), /may not send user_message/)
})
