/** Warnings are lines of their own, whatever else the same command leads to. */
import t from 'tap'
import { warn } from '../../lib/session/decide/warn.ts'
import type { decide } from '../../lib/session/decide.ts'
import { draftOf } from '../../lib/session/draft.ts'
import { derivedId } from '../../lib/session/ids.ts'
import { initialState } from '../../lib/session/state.ts'

t.test('no line takes the place of another', async t => {
  const context = { sid: 's1', commandSequence: 7, nowMs: 1_000 } as Parameters<typeof decide>[2]
  const draft = draftOf(initialState)
  warn(draft, 'one', context)
  warn(draft, 'two', context)
  const ids = draft.events.flatMap(event => (event.type === 'timeline' ? event.eventId : []))
  // That of the first line of a sandbox in the same command.
  ids.push(derivedId(context, 'event'))
  t.equal(new Set(ids).size, 3)
})
