import t from 'tap'
import { makeSandboxText } from '../../lib/edge/sandbox-text.ts'
import type { SandboxEvent } from '../../subjects/sandbox-event.ts'

const token = (content: string, messageId = 'm'): SandboxEvent => ({
  type: 'token',
  messageId,
  content,
})
const step: SandboxEvent = { type: 'step_start', messageId: 'm' }

const start = () => {
  const said: string[] = []
  let look = () => {}
  const text = makeSandboxText(event => {
    said.push(event.type === 'token' ? String(event.content) : event.type)
    look()
  }, 5)
  const until = (word: string) =>
    new Promise<void>(resolve => {
      look = () => {
        if (said.includes(word)) resolve()
      }
      look()
    })
  return { said, text, until }
}

t.test('of many in a moment, the first goes out at once and the last soon', async t => {
  const { said, text, until } = start()
  for (let n = 1; n <= 100; n++) text.say(token(`${n}`))
  t.same(said, ['1'])
  await until('100')
  t.same(said, ['1', '100'])
  text.end()
})

t.test('steps keep their place among texts', async t => {
  const { said, text } = start()
  text.say(token('a'))
  text.say(token('ab'))
  text.pass(step)
  text.say(token('abc'))
  text.end()
  t.same(said, ['a', 'ab', 'step_start', 'abc'])
})

t.test('one message does not swallow the words of another', async t => {
  const { said, text } = start()
  text.say(token('a', '1'))
  text.say(token('ab', '1'))
  text.say(token('x', '2'))
  text.end()
  t.same(said, ['a', 'ab', 'x'])
})

t.test('says the present text again when asked, until it is over', async t => {
  const { said, text } = start()
  text.repeat()
  text.say(token('a'))
  text.repeat()
  text.end()
  text.repeat()
  t.same(said, ['a', 'a'])
})
