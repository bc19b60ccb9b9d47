import t from 'tap'
import { evolveOutstanding, type Outstanding } from '../../lib/edge/outstanding.ts'
import type { SandboxFrameOf } from '../../subjects/frames-sandbox.ts'
import type { SessionEvent } from '../../subjects/records.ts'

const frame = (messageId: string) => ({ type: 'prompt', messageId }) as SandboxFrameOf<'prompt'>
const event = (type: string, messageId: string) => ({ type, messageId }) as SessionEvent
const none: Outstanding = { prompt: null, stop: false }
const after = (start: Outstanding, ...events: SessionEvent[]) =>
  events.reduce(
    (state, each) =>
      evolveOutstanding(state, each, 'messageId' in each ? [frame(String(each.messageId))] : []),
    start,
  )

t.test('a prompt is outstanding until it is delivered or over', async t => {
  const started = after(none, event('prompt_started', 'a'))
  t.match(started, { prompt: { messageId: 'a' } })
  t.match(after(started, event('prompt_delivered', 'other')), { prompt: { messageId: 'a' } })
  t.match(after(started, event('prompt_delivered', 'a')), none)
  t.match(after(started, event('prompt_finished', 'a')), none)
  t.match(after(none, event('prompt_announced', 'a')), { prompt: { messageId: 'a' } })
})

t.test('a stop is outstanding until it is confirmed or given up', async t => {
  const stopped = after(none, event('stop_requested', 'a'))
  t.match(stopped, { stop: true, stopMessageId: 'a' })
  t.match(after(stopped, event('stop_confirmed', 'a')), none)
  t.match(after(stopped, event('stop_expired', 'a')), none)
})
