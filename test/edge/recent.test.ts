import t from 'tap'
import { makeRecent } from '../../lib/edge/recent.ts'

t.test('what came after a record', async t => {
  const recent = makeRecent<string>({ records: 3, bytes: 100 })
  t.equal(recent.after(5), undefined, 'nothing is known before it begins')
  recent.begin(10)
  t.same(recent.after(10), [])
  t.same(recent.after(11), [], 'a snapshot may be newer than the room')
  t.equal(recent.after(9), undefined)
  for (const [sequence, entry] of [
    [12, 'a'],
    [15, 'b'],
    [20, 'c'],
  ] as const) {
    recent.push(sequence, entry, 1)
  }
  t.same(recent.after(10), ['a', 'b', 'c'])
  t.same(recent.after(12), ['b', 'c'])
  t.same(recent.after(14), ['b', 'c'], 'sequences have gaps: other sessions lie between')
  t.same(recent.after(20), [])
  recent.push(21, 'd', 1)
  t.equal(recent.after(10), undefined, 'the oldest is gone')
  t.same(recent.after(12), ['b', 'c', 'd'])
  recent.push(22, 'e', 100)
  t.same(recent.after(21), ['e'], 'bounded by bytes too')
  t.equal(recent.after(20), undefined)
  recent.push(23, 'f', 500)
  t.same(recent.after(23), [])
  t.equal(recent.after(22), undefined, 'what is larger than everything allowed is not kept')
})

t.test('stays right over many', async t => {
  const recent = makeRecent<number>({ records: 1_000, bytes: 1_000_000 })
  recent.begin(0)
  for (let n = 1; n <= 10_000; n++) recent.push(n, n, 1)
  t.same(recent.after(9_997), [9_998, 9_999, 10_000])
  t.equal(recent.after(9_000)?.length, 1_000)
  t.equal(recent.after(8_999), undefined)
})
