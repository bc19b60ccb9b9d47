import t from 'tap'
import { makeRequests, type Request } from '../../lib/client/requests.ts'
import type { ClientFrame } from '../../subjects/frames-client.ts'
import { handClock } from './hand-clock.ts'

const hold = (clientRequestId: string): Request => ({ type: 'hold_queue', clientRequestId })

const setUp = () => {
  const clock = handClock()
  const sent: ClientFrame[] = []
  const line = { isUp: true }
  const requests = makeRequests({
    clock,
    send: frame => {
      if (line.isUp) sent.push(frame)
      return line.isUp
    },
  })
  return { clock, sent, line, requests }
}

t.test('a change', async t => {
  t.test('is done when the answer says so', async t => {
    const { requests, sent } = setUp()
    const done = requests.ask(hold('a'))
    t.strictSame(sent, [hold('a')])
    t.equal(requests.answered('other'), false, 'another answer is not taken for it')
    t.equal(requests.answered('a'), true)
    await done
    t.equal(requests.answered('a'), false, 'it is answered once')
  })

  t.test('says why not, and what the version is', async t => {
    const { requests } = setUp()
    const done = requests.ask(hold('a'))
    requests.answered('a', { code: 'QUEUE_VERSION_CONFLICT', message: 'too late', version: 7 })
    await t.rejects(done, {
      message: 'too late',
      cause: { code: 'QUEUE_VERSION_CONFLICT', version: 7 },
    })
  })

  t.test('is sent again over a new socket under the same id', async t => {
    const { requests, sent } = setUp()
    const done = requests.ask(hold('a'))
    requests.resend()
    t.strictSame(sent, [hold('a'), hold('a')])
    requests.answered('a')
    await done
    requests.resend()
    t.equal(sent.length, 2, 'but not once it is answered')
  })

  t.test('is refused at once without a connection, and later when there will be none', async t => {
    const { requests, line } = setUp()
    const open = requests.ask(hold('a'))
    requests.end()
    await t.rejects(open, { cause: { code: 'NO_CONNECTION' } })
    line.isUp = false
    await t.rejects(requests.ask(hold('b')), { cause: { code: 'NO_CONNECTION' } })
    t.equal(requests.answered('b'), false)
  })

  t.test('is given up when nobody answers', async t => {
    const { requests, clock, sent } = setUp()
    const done = requests.ask(hold('a'))
    clock.pass(19_999)
    requests.resend()
    t.equal(sent.length, 2, 'it still waits')
    clock.pass(1)
    await t.rejects(done, { cause: { code: 'NO_ANSWER' } })
    requests.resend()
    t.equal(sent.length, 2)
  })
})
