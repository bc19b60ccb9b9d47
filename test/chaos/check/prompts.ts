/**
 * Every accepted prompt is in the log once, in the order in which its sender sent it; all are started in
 * the order of the queue, once, run by a sandbox once, unless it was too late for that, and ended once.
 */
import type { SessionEventOf, SessionEventType } from '../../../subjects/records.ts'
import type { Ledger } from '../ledger.ts'
import type { Logs } from '../log.ts'
import { difference, type Finding, repeated } from './check.ts'

type Records = NonNullable<ReturnType<Logs['get']>>

export const eventsOf = <T extends SessionEventType>(records: Records, type: T) =>
  records.flatMap(({ record }) =>
    record.events.filter((event): event is SessionEventOf<T> => event.type === type),
  )

export const checkPrompts = ({ sent, runs }: Ledger, logs: Logs): Finding => {
  const wrongs: string[] = []
  for (const [sid, records] of logs) {
    const say = (text: string) => wrongs.push(`${sid}: ${text}`)
    const queued = eventsOf(records, 'prompt_queued')
    const ids = queued.map(({ clientRequestId }) => String(clientRequestId))
    for (const id of repeated(ids)) say(`prompt ${id} stands twice in the log`)

    const accepted = sent.filter(one => one.sid === sid && one.acceptedAtMs !== undefined)
    const place = new Map(ids.map((id, n) => [id, n]))
    const newest = new Map<string, number>()
    for (const { id, sender, messageId } of accepted) {
      const at = place.get(id)
      if (at === undefined) say(`prompt ${id} was accepted and is not in the log`)
      else {
        if (at < (newest.get(sender) ?? -1)) say(`prompt ${id} stands before what came before it`)
        newest.set(sender, at)
        const stored = queued[at]?.messageId
        if (messageId && messageId !== stored) say(`prompt ${id} is ${stored}, not ${messageId}`)
      }
    }
    const commands = records.map(({ record }) => record.commandSequence)
    if (commands.some((command, n) => n > 0 && command <= (commands[n - 1] as number))) {
      say('a command was decided twice or late')
    }

    const order = queued.map(({ messageId }) => messageId)
    const started = eventsOf(records, 'prompt_started').map(({ messageId }) => messageId)
    const wrongStart = difference(started, order)
    if (wrongStart) say(`started out of order ${wrongStart}`)
    const finished = eventsOf(records, 'prompt_finished')
    const ended = finished.map(({ messageId }) => messageId)
    const wrongEnd = difference(ended, order)
    if (wrongEnd) say(`ended out of order ${wrongEnd}`)
    const ran = runs.filter(run => run.sid === sid).map(({ messageId }) => messageId)
    // One whose time was over before it came to the sandbox has failed, with the reason.
    const failed = new Set(finished.filter(end => !end.success).map(({ messageId }) => messageId))
    const toRun = order.filter(messageId => ran.includes(messageId) || !failed.has(messageId))
    const wrongRun = difference(ran, toRun)
    if (wrongRun) say(`run out of order ${wrongRun}`)
  }
  return { name: 'prompts: once, in order', looked: sent.length, wrongs }
}
