/**
 * A process that takes jobs, one at a time. It says on its output which it has begun, and ends one for
 * every line of its input.
 */
import process from 'node:process'
import { createInterface } from 'node:readline'
import { connectBus } from '../../lib/bus/connect.ts'
import { consumeJobs } from '../../lib/bus/jobs.ts'
import { numbered, numberedJobs } from './numbered-jobs.ts'

const [url = '', ackWaitMs] = process.argv.slice(2)
const lines = createInterface(process.stdin)[Symbol.asyncIterator]()
const bus = await connectBus({ url, name: 'a process' })
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
await consumeJobs(bus, {
  ...numberedJobs,
  schema: numbered,
  signal: stop.signal,
  concurrency: 1,
  ackWaitMs: Number(ackWaitMs),
  run: async ({ n }) => {
    console.log(`begun ${n}`)
    await lines.next()
  },
})
await bus.close()
process.exit(0)
