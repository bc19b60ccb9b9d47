import t from 'tap'
import { codeOf } from '../../subjects/errors.ts'
import { fnv1a32, PARTITIONS, partitionOf } from '../../subjects/partition.ts'
import {
  commandSubject,
  deadLetterSubject,
  isSessionId,
  leaseSubject,
  ownKey,
  partitionSubject,
  recordSubject,
  sandboxJobSubject,
  sessionId,
  sessionOfSignal,
  sessionOfStored,
  timerSubject,
} from '../../subjects/subjects.ts'

const thrown = (run: () => unknown) => {
  try {
    return run()
  } catch (error) {
    return codeOf(error)
  }
}

t.test('user text cannot alter the shape of a subject', async t => {
  for (const text of ['', 'a.b', 'a*', '>', 'a b', 'ä', '\n', 'x'.repeat(65)]) {
    t.equal(
      thrown(() => sessionId(text)),
      'INVALID_TOKEN_TEXT',
      JSON.stringify(text),
    )
    t.equal(isSessionId(text), false)
    t.equal(
      thrown(() => timerSubject(sessionId('s'), text)),
      'INVALID_TOKEN_TEXT',
    )
    t.equal(
      thrown(() => sandboxJobSubject(text, 'stop')),
      'INVALID_TOKEN_TEXT',
    )
    t.equal(
      thrown(() => leaseSubject(text)),
      'INVALID_TOKEN_TEXT',
    )
  }
  t.equal(sessionId('aZ09_-'), 'aZ09_-')
})

t.test('what is written is read back', async t => {
  const sid = sessionId('abc')
  const p = partitionOf('abc')
  t.equal(commandSubject(sid), 'cmd.abc')
  t.equal(recordSubject(sid), `evt.${p}.abc`)
  t.equal(sessionOfStored(`cmd.${p}.abc`), 'abc')
  t.equal(sessionOfSignal(`beat.${p}.abc`), 'abc')
  t.same(ownKey(leaseSubject('o-1')), { kind: 'lease', owner: 'o-1' })
  t.same(ownKey(partitionSubject(63)), { kind: 'partition', p: 63 })
  t.equal(ownKey('$KV.own.x.y'), undefined)
  t.equal(deadLetterSubject('command'), 'dlq.command')
})

t.test('the hash is FNV-1a with 32 bits', async t => {
  // Vectors of the hash's authors.
  t.equal(fnv1a32(''), 0x811c9dc5)
  t.equal(fnv1a32('a'), 0xe40c292c)
  t.equal(fnv1a32('foobar'), 0xbf9cf968)
  t.equal(PARTITIONS, 64, 'a wire format: stored subjects contain it')
})
