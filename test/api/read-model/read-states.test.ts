/** Which sessions a person has yet to look at, over a real bus. */
import t from 'tap'
import { openReadStates } from '../../../lib/api/read-model/read-states.ts'
import type { SessionSummary } from '../../../subjects/records.ts'
import { startBus } from '../../fixtures/bus.ts'

const session = (id: string, finishedAtMs: number | null, userId = 'bob'): SessionSummary => ({
  ...{ id, title: null, repoOwner: 'o', repoName: 'n', baseBranch: 'main', branchName: null },
  ...{ model: 'm', reasoningEffort: null, status: 'completed', createdAtMs: 1, updatedAtMs: 900 },
  ...{ userId, login: null, messageCount: 1, totalCost: 0, finishedAtMs },
})

t.test('unread: what ended after the last look', async t => {
  const { bus } = await startBus(t)
  const reads = openReadStates(bus)
  const all = [
    session('new', 200),
    session('old', 100),
    session('never-ran', null),
    session('others', 200, 'ada'),
    session('mine', 200),
  ]
  const unread = async (userId: string) => [...(await reads.unread(userId, all))].sort()
  t.same(await unread('bob'), ['mine', 'new', 'old'], 'one’s own that were never looked at')
  for (const sid of ['new', 'old', 'never-ran']) await reads.mark('bob', sid, 150)
  t.same(await unread('bob'), ['mine', 'new'])
  await reads.mark('bob', 'others', 150)
  t.same(await unread('bob'), ['mine', 'new', 'others'], 'somebody else’s, once opened')
  await reads.mark('bob', 'new', 200)
  t.same(await unread('bob'), ['mine', 'others'])
  await reads.mark('bob', 'new', 0)
  t.same(await unread('bob'), ['mine', 'new', 'others'], 'marked as unread')
  t.same(await unread('ada'), ['others'], 'everybody for themselves')
  t.same(await unread('a.*> b'), [], 'user ids are any text')
  t.same([...(await openReadStates(bus).unread('bob', []))], [])
})
