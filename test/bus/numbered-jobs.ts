/** Jobs for tests: each has a number. */
import { z } from 'zod'
import type { Bus } from '../../lib/bus/connect.ts'
import { publishJob } from '../../lib/bus/jobs.ts'
import { JOB } from '../../subjects/streams.ts'
import { sandboxJobSubject, sandboxJobsOf } from '../../subjects/subjects.ts'

export const numbered = z.object({ n: z.int() })

export const numberedJobs = {
  stream: JOB,
  durable: 'numbered',
  filter: sandboxJobsOf('any'),
  kind: 'job',
} as const

export const publishNumbered = (bus: Bus, ...numbers: readonly number[]) =>
  Promise.all(
    numbers.map(n => publishJob(bus, sandboxJobSubject('any', 'stop'), { n }, `number-${n}`)),
  )

/** Resolves when nothing is left to be done. */
export const nothingLeft = async (bus: Bus): Promise<void> => {
  while ((await bus.jsm.streams.info(JOB)).state.messages > 0) await bus.nc.flush()
}
