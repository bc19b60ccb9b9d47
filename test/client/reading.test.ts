import t from 'tap'
import type { Line } from '../../lib/client/lines.ts'
import { readingOrder } from '../../lib/client/reading.ts'

const line = (id: string, event: object, growing = false): Line => ({
  id,
  order: 0,
  event: event as Line['event'],
  growing,
})
const words = (content: string, growing = false) =>
  line('token:m', { type: 'token', messageId: 'm', content }, growing)
const tool = (id: string, textOffset?: number) =>
  line(id, {
    type: 'tool_call',
    messageId: 'm',
    ...(textOffset === undefined ? {} : { textOffset }),
  })
const read = (lines: Line[]) => readingOrder(lines).map(({ key, text }) => text ?? key)

t.test('words are read around the tool calls between them', async t => {
  t.strictSame(read([tool('a', 7), tool('b', 15), words('I look.I think.Done.')]), [
    'I look.',
    'a',
    'I think.',
    'b',
    'Done.',
  ])
})

t.test('nothing is read twice, left out or empty', async t => {
  const text = 'one two three'
  const items = readingOrder([tool('a', 4), tool('b', 4), tool('c', 0), tool('d', 99), words(text)])
  t.equal(items.map(item => item.text ?? '').join(''), text)
  t.strictSame(read([tool('a', 4), tool('b', 4), words(text)]), ['one ', 'a', 'b', 'two three'])
})

t.test('tool calls that do not say where they stood come before the words', async t => {
  t.strictSame(read([tool('a'), words('Done.')]), ['a', 'Done.'])
})

t.test('growing words end with the piece that grows, even when it is empty as yet', async t => {
  const items = readingOrder([tool('a', 5), words('Look.', true)])
  t.strictSame(
    items.map(({ text, growing }) => [text, growing]),
    [
      ['Look.', false],
      [undefined, false],
      ['', true],
    ],
  )
})

t.test('keys are stable while the text grows', async t => {
  const keys = (lines: Line[]) => readingOrder(lines).map(({ key }) => key)
  t.strictSame(
    keys([tool('a', 3), words('abc', true)]),
    keys([tool('a', 3), words('abc and more', false)]),
  )
})
