import t from 'tap'
import { closeMeaning, retryDelayMs } from '../../lib/client/retry.ts'

t.test('delays', async t => {
  t.ok(retryDelayMs(0, 1) <= 100, 'the first attempt is nearly at once')
  const longest = [1, 2, 3, 4, 8, 9, 50].map(n => retryDelayMs(n, 0))
  t.strictSame(longest, [200, 400, 800, 1600, 25_600, 30_000, 30_000])
  t.equal(retryDelayMs(3, 1), 400, 'chance takes away up to half')
})

t.test('closes', async t => {
  for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 1013, 4003, 4004, 4008, 4009]) {
    t.equal(closeMeaning(code, true), 'resume', String(code))
  }
  t.equal(closeMeaning(4001, false), 'renew_token')
  t.equal(closeMeaning(4001, true), 'give_up', 'a token that was just fetched will not get better')
  t.equal(closeMeaning(4002, true), 'renew_token')
})
