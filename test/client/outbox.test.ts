import t from 'tap'
import * as outbox from '../../lib/client/outbox.ts'

const two = outbox.withPrompt(outbox.withPrompt([], 'a', 'first'), 'b', 'second')
const refusal = { code: 'PROMPT_QUEUE_FULL', message: 'full' }

t.match(outbox.next(two), { clientRequestId: 'a' }, 'in the order in which they were typed')
t.match(outbox.next(outbox.without(two, 'a')), { clientRequestId: 'b' })
t.match(
  outbox.next(outbox.refused(two, 'a', refusal)),
  { clientRequestId: 'b' },
  'a refusal holds up nobody',
)
t.equal(outbox.next([]), undefined)
t.strictSame(outbox.readOutbox(JSON.stringify(two)), two, 'survives a reload')
for (const kept of [null, '', '{', '[1]', '{"a":1}']) {
  t.strictSame(outbox.readOutbox(kept), [], JSON.stringify(kept))
}
t.ok(outbox.isPassing('STREAM_FULL'))
t.notOk(outbox.isPassing('PROMPT_QUEUE_FULL'))
