import t from 'tap'
import {
  type Line,
  withEarlier,
  withGrowing,
  withoutGrowing,
  withStored,
} from '../../lib/client/lines.ts'

const item = (sequence: number, eventId: string, event: object, at = sequence) => ({
  sequence,
  eventId,
  timelineSequence: at,
  event: event as Line['event'],
})
const tool = (status: string) => ({ type: 'tool_call', callId: 'a', messageId: 'm', status })
const words = (content: string) => ({ type: 'token', messageId: 'm', content })
const shown = (lines: readonly Line[]) =>
  lines.map(({ event, growing }) => `${event.status ?? event.content}${growing ? '…' : ''}`)

t.test('a line that comes again keeps its place', async t => {
  let lines = withStored([], item(1, 'tool_call:m:a', tool('running')))
  lines = withStored(lines, item(2, 'other', { type: 'error', content: 'other' }))
  lines = withStored(lines, item(3, 'tool_call:m:a', tool('completed'), 1))
  t.strictSame(shown(lines), ['completed', 'other'])
})

t.test('lines that arrive in another order stand in theirs', async t => {
  const items = [1, 2, 3, 4].map(n => item(n, `e${n}`, { type: 'error', content: `${n}` }))
  const mixed = [3, 1, 4, 2].map(n => items[n - 1]!)
  const lines = mixed.reduce<readonly Line[]>(withStored, [])
  t.strictSame(shown(lines), ['1', '2', '3', '4'])
})

t.test('text stands where it last grew', async t => {
  let lines = withStored([], item(1, 'token:m', words('I look.')))
  lines = withStored(lines, item(2, 'tool_call:m:a', tool('completed')))
  lines = withStored(lines, item(3, 'token:m', words('I look. Found it.'), 1))
  t.strictSame(shown(lines), ['completed', 'I look. Found it.'])
})

t.test('growing text', async t => {
  let lines = withGrowing([], words('I'))
  t.strictSame(shown(lines), ['I…'], 'is shown before anything of it is stored')
  lines = withGrowing(lines, words('I look'))
  t.strictSame(shown(lines), ['I look…'], 'replaces what it was')
  lines = withStored(lines, item(1, 'token:m', words('I look')))
  t.strictSame(shown(lines), ['I look'], 'is one line with what is stored of it')
  lines = withStored(lines, item(2, 'tool_call:m:a', tool('running')))
  lines = withGrowing(lines, words('I look and'))
  t.strictSame(shown(lines), ['running', 'I look and…'], 'takes the stored line along')
  lines = withStored(lines, item(3, 'tool_call:m:b', tool('pending')))
  t.strictSame(shown(lines), ['running', 'pending', 'I look and…'], 'stays last')
  lines = withGrowing(lines, words('I look'))
  t.strictSame(shown(lines).at(-1), 'I look…', 'takes what comes')
})

t.test('an older text after a newer stored one is no news', async t => {
  const stored = withStored([], item(1, 'token:m', words('all of it')))
  t.equal(withGrowing(stored, words('all')), stored)
})

t.test('stored text that grew further while it was stored goes on growing', async t => {
  const lines = withStored(withGrowing([], words('abc')), item(1, 'token:m', words('ab')))
  t.strictSame(shown(lines), ['abc…'])
})

t.test('text after a sealed one is another line', async t => {
  const sealed = withStored([], item(1, 'token:m', words('before')))
  t.strictSame(shown(withGrowing(sealed, words('after'))), ['before', 'after…'])
})

t.test('a message that is over grows no more', async t => {
  const lines = withGrowing(withGrowing([], words('x')), { ...words('y'), messageId: 'other' })
  t.strictSame(shown(withoutGrowing(lines, 'm')), ['y…'])
})

t.test('earlier lines go before, each once, and can still be replaced', async t => {
  let lines = withStored([], item(9, 'e9', { type: 'error', content: '9' }))
  const older = ['7', '8', '9'].map(n => ({ id: `e${n}`, event: { type: 'error', content: n } }))
  lines = withEarlier(lines, older)
  t.strictSame(shown(lines), ['7', '8', '9'])
  lines = withEarlier(lines, [{ id: 'e6', event: { type: 'error', content: '6' } }])
  lines = withStored(lines, item(10, 'e7', { type: 'error', content: '7 again' }, 7))
  lines = withStored(lines, item(11, 'e11', { type: 'error', content: '11' }))
  t.strictSame(shown(lines), ['6', '7 again', '8', '9', '11'])
})
