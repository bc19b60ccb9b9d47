import t from 'tap'
import { z } from 'zod'
import { consumeJobs, publishJob } from '../../lib/bus/jobs.ts'
import { deadLetter } from '../../subjects/jobs.ts'
import { DLQ, JOB } from '../../subjects/streams.ts'
import { sandboxJobSubject, sandboxJobsOf } from '../../subjects/subjects.ts'
import { startBus } from '../fixtures/bus.ts'

const subject = sandboxJobSubject('any', 'stop')
const schema = z.object({ n: z.int() })

t.test('jobs are done once each, retried, or buried with their reason', async t => {
  const { bus } = await startBus(t)
  const done: number[] = []
  const attempts: number[] = []
  const all = Promise.withResolvers<void>()
  const buried = Promise.withResolvers<void>()
  const stop = new AbortController()
  await publishJob(bus, subject, { n: 1 }, 'j1')
  await publishJob(bus, subject, { n: 1 }, 'j1')
  await publishJob(bus, subject, { wrong: true }, 'j2')
  await publishJob(bus, subject, { n: 3 }, 'j3')
  await publishJob(bus, subject, { n: 4 }, 'j4')
  const letters = bus.nc.subscribe('dlq.*', {
    callback: () => {
      if (letters.getReceived() >= 2) buried.resolve()
    },
  })
  const working = consumeJobs(bus, {
    stream: JOB,
    durable: 'd',
    filter: sandboxJobsOf('any'),
    schema,
    kind: 'job',
    signal: stop.signal,
    concurrency: 2,
    attempts: 2,
    run: async ({ n }, { attempt }) => {
      if (n === 3) attempts.push(attempt)
      if (n === 3 || (n === 4 && attempt === 1)) throw new Error('not now')
      done.push(n)
      if (done.length === 2) all.resolve()
    },
  })
  await Promise.all([all.promise, buried.promise])
  stop.abort()
  await working
  t.same(done, [1, 4], 'a job published twice is done once, a failed one is done later')
  t.same(attempts, [1, 2])
  const { state } = await bus.jsm.streams.info(DLQ)
  const reasons = new Map<string, string>()
  for (let seq = 1; seq <= state.last_seq; seq++) {
    const letter = deadLetter.parse((await bus.jsm.streams.getMessage(DLQ, { seq }))?.json())
    reasons.set(letter.body, letter.reason)
  }
  t.match(reasons.get('{"wrong":true}'), /n/)
  t.equal(reasons.get('{"n":3}'), 'not now')
  t.equal((await bus.jsm.streams.info(JOB)).state.messages, 0)
})
