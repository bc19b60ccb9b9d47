/** What is shown of output that was made for a terminal. */
import t from 'tap'
import { terminalText } from '../../lib/console/terminal-text.ts'

t.test('orders to a terminal are left out', async t => {
  t.equal(terminalText('\u001b[1;31mred\u001b[0m and plain'), 'red and plain')
  t.equal(terminalText('a\u001b[2K\u001b[1Gb'), 'ab')
  t.equal(terminalText('\u001b]8;;http://x\u0007link\u001b]8;;\u0007'), 'link')
  t.equal(terminalText('array[0] and [31m'), 'array[0] and [31m', 'what only looks like one stays')
})

t.test('of a line that is written again and again the last state stays', async t => {
  t.equal(terminalText('10 %\r50 %\r100 %\ndone'), '100 %\ndone')
  t.equal(terminalText('one\r\ntwo\r\n'), 'one\r\ntwo\r\n', 'two characters end these lines')
})
