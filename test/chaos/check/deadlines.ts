/**
 * Prompts that their sandbox never ends are ended by the deadline: not before it, and once. One that was cut
 * off for so long may be ended by it too; nothing else may end one.
 */
import { SLEEP } from '../ledger.ts'
import type { Logs } from '../log.ts'
import { EXECUTION_TIMEOUT_MS } from '../world.ts'
import type { Finding } from './check.ts'
import { eventsOf } from './prompts.ts'

const TIMED_OUT = 'Execution timed out (stuck processing)'

/** @returns also how late each was, in milliseconds */
export const checkDeadlines = (logs: Logs): Finding & { readonly lateMs: readonly number[] } => {
  const wrongs: string[] = []
  const lateMs: number[] = []
  for (const [sid, records] of logs) {
    const finished = eventsOf(records, 'prompt_finished')
    const stops = eventsOf(records, 'stop_requested')
    for (const { messageId, content, startedAtMs } of eventsOf(records, 'prompt_started')) {
      const ends = finished.filter(end => end.messageId === messageId)
      const failed = ends.find(end => !end.success)
      const say = (text: string) => wrongs.push(`${sid}: ${content} (${messageId}) ${text}`)
      if (!content.startsWith(SLEEP) && !failed) continue
      if (ends.length !== 1 || !failed) say(`ended ${ends.length} times`)
      if (failed?.error !== TIMED_OUT) say(`failed: ${failed?.error}`)
      const asked = stops.filter(stop => stop.messageId === messageId).length
      if (asked !== 1) say(`was to be stopped ${asked} times`)
      const late = (failed?.finishedAtMs ?? 0) - startedAtMs - EXECUTION_TIMEOUT_MS
      if (late < 0) say(`ended ${-late} ms too early`)
      lateMs.push(late)
    }
  }
  return { name: 'deadlines: in effect once', looked: lateMs.length, wrongs, lateMs }
}
