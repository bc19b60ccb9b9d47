import t from 'tap'
import { desiredOwner } from '../../../lib/owner/ownership/rendezvous.ts'
import { PARTITIONS } from '../../../subjects/partition.ts'

const all = Array.from({ length: PARTITIONS }, (_, p) => p)
const shares = (members: string[]) => all.map(p => desiredOwner(p, members))

t.test('everybody computes the same, in whatever order they know each other', async t => {
  t.same(shares(['a', 'b', 'c']), shares(['c', 'a', 'b']))
})

t.test('nobody gets everything', async t => {
  const members = ['a', 'b', 'c', 'd']
  for (const member of members) {
    const share = shares(members).filter(owner => owner === member).length
    t.ok(share > 5 && share < 30, `${member} has ${share}`)
  }
})

t.test('who leaves takes only their own share along', async t => {
  const before = shares(['a', 'b', 'c'])
  const after = shares(['a', 'b'])
  for (const p of all) if (before[p] !== 'c') t.equal(after[p], before[p])
})

t.test('nobody there, nobody chosen', async t => {
  t.equal(desiredOwner(0, []), undefined)
})
