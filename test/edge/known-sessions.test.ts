import t from 'tap'
import { knownSessions, shareReads } from '../../lib/edge/known-sessions.ts'
import { recordSubject, sessionId } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'
import { sessionLog } from '../fixtures/records.ts'

const sid = sessionId('known')

t.test('what the log says', async t => {
  const { bus } = await startBus(t)
  const log = sessionLog(sid)
  const say = ({ record }: ReturnType<typeof log.record>) =>
    bus.js.publish(recordSubject(sid), JSON.stringify(record))
  const isKnown = knownSessions(bus)
  t.equal(await isKnown(sid), false)
  await say(log.begin())
  t.equal(await isKnown(sid), true)
  await say(log.record([{ type: 'session_deleted', userId: null, atMs: 1 }]))
  t.equal(await isKnown(sid), false)
})

t.test('one read for all who ask meanwhile', async t => {
  const reads: PromiseWithResolvers<boolean>[] = []
  const isKnown = shareReads(() => {
    const read = Promise.withResolvers<boolean>()
    reads.push(read)
    return read.promise
  })
  const all = Promise.all(Array.from({ length: 50 }, () => isKnown(sid)))
  t.equal(reads.length, 1)
  reads[0]?.resolve(true)
  t.same(new Set(await all), new Set([true]))

  const before = isKnown(sid)
  const after = Promise.all([isKnown(sid), isKnown(sid)])
  t.equal(reads.length, 2, 'nothing is kept')
  reads[1]?.resolve(false)
  t.equal(await before, false)
  await new Promise(resolve => setImmediate(resolve))
  t.equal(reads.length, 3, 'it may have been created since that read began')
  reads[2]?.resolve(true)
  t.same(await after, [true, true])
})
