import t from 'tap'
import { makeBacklog } from '../../lib/edge/backlog.ts'
import type { SandboxEvent } from '../../subjects/sandbox-event.ts'

const limits = { batchEvents: 3, batchBytes: 100 }
const event = (n: number, type = 'note'): SandboxEvent => ({ type, n }) as SandboxEvent
const words = (content: string, messageId = 'm') => ({ messageId, content })

/** Takes all batches: each as its text and what its events are called. */
const drain = (backlog: ReturnType<typeof makeBacklog>, final = false) => {
  const taken: [string | null, unknown[]][] = []
  for (;;) {
    const batch = backlog.next(final)
    if (!batch) return taken
    taken.push([
      batch.text?.content ?? null,
      batch.events.map(e => (e as { n?: number }).n ?? e.type),
    ])
    batch.done()
  }
}

t.test('events go out in order, at most so many and so large at once', async t => {
  const backlog = makeBacklog(limits)
  for (let n = 1; n <= 5; n++) backlog.push(event(n), 10)
  backlog.push(event(6), 90)
  backlog.push(event(7), 500)
  t.equal(backlog.bytes(), 640)
  t.same(drain(backlog), [
    [null, [1, 2, 3]],
    [null, [4, 5]],
    [null, [6]],
    [null, [7]],
  ])
  t.equal(backlog.bytes(), 0)
})

t.test('a batch that is not done is taken again', async t => {
  const backlog = makeBacklog(limits)
  backlog.say(words('a'))
  backlog.push(event(1), 1)
  t.match(backlog.next(false), { text: { content: 'a' }, events: [{ n: 1 }] })
  t.same(drain(backlog), [['a', [1]]])
})

t.test('text', async t => {
  await t.test('alone it waits for what follows it, and is sent at the end', async t => {
    const backlog = makeBacklog(limits)
    backlog.say(words('a'))
    backlog.say(words('ab'))
    t.same(drain(backlog), [])
    t.same(drain(backlog, true), [['ab', []]])
    t.same(drain(backlog, true), [], 'once')
  })

  await t.test('the first of a message stands behind what was said before it', async t => {
    const backlog = makeBacklog(limits)
    backlog.push(event(1), 1)
    backlog.say(words('a'))
    backlog.push(event(2), 1)
    t.same(drain(backlog), [
      [null, [1]],
      ['a', [2]],
    ])
  })

  await t.test('later text of the message goes along, newest only, and once', async t => {
    const backlog = makeBacklog(limits)
    backlog.say(words('a'))
    backlog.push(event(1), 1)
    t.same(drain(backlog), [['a', [1]]])
    backlog.push(event(2), 1)
    backlog.say(words('ab'))
    backlog.push(event(3), 1)
    backlog.say(words('abc'))
    t.same(drain(backlog), [['abc', [2, 3]]])
    backlog.push(event(4), 1)
    t.same(drain(backlog), [[null, [4]]])
  })

  await t.test('text that grew while its batch was under way goes with the next', async t => {
    const backlog = makeBacklog(limits)
    backlog.say(words('a'))
    backlog.push(event(1), 1)
    const batch = backlog.next(false)
    backlog.say(words('ab'))
    backlog.push(event(2), 1)
    batch?.done()
    t.same(drain(backlog), [['ab', [2]]])
  })

  await t.test('of two messages the one is stored before the other begins', async t => {
    const backlog = makeBacklog(limits)
    backlog.say(words('one', 'a'))
    backlog.say(words('two', 'b'))
    backlog.push(event(1), 1)
    t.same(drain(backlog), [
      ['one', []],
      ['two', [1]],
    ])
  })

  for (const type of ['context_compacted', 'execution_complete']) {
    await t.test(`after ${type} it begins anew`, async t => {
      const backlog = makeBacklog(limits)
      backlog.push(event(1), 1)
      backlog.say(words('before'))
      backlog.push({ type } as SandboxEvent, 1)
      backlog.say(words('after'))
      backlog.push(event(2), 1)
      t.same(drain(backlog), [
        [null, [1]],
        ['before', [type]],
        ['after', [2]],
      ])
    })
  }
})
