/**
 * What the world must do because of a record, written as jobs under the effect's own id: sent twice
 * it is done once, as long as the job stream remembers the id, and doing it twice must not matter.
 */
import type { Effect } from '../../subjects/records.ts'
import { CALLBACK_JOB, githubJobSubject, sandboxJobSubject } from '../../subjects/subjects.ts'
import type { Bus } from '../bus/connect.ts'
import { publishJob } from '../bus/jobs.ts'

/** @throws codes as {@link publishJob}: then the effect is to be emitted again */
export const emitEffect = async (bus: Bus, effect: Effect): Promise<void> => {
  switch (effect.kind) {
    case 'sandbox_job':
      return publishJob(bus, sandboxJobSubject(effect.host, effect.job), effect.payload, effect.id)
    case 'callback_job':
      return publishJob(bus, CALLBACK_JOB, effect.payload, effect.id)
    case 'github_job':
      return publishJob(bus, githubJobSubject(effect.job), effect.payload, effect.id)
  }
}
