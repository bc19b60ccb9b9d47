/** What every client saw is what the log holds: each stretch by its hash, and all of them up to the end. */
import type { Watcher } from '../load/people.ts'
import type { Logs } from '../log.ts'
import { hashOf, linesOf } from '../witness.ts'
import type { Finding } from './check.ts'

export const checkLines = (watchers: readonly Watcher[], logs: Logs): Finding => {
  const wrongs: string[] = []
  let looked = 0
  for (const [sid, records] of logs) {
    const lines = linesOf(records.map(({ record }) => record))
    const hole = lines.findIndex(({ sequence }, n) => sequence !== n + 1)
    if (hole >= 0) wrongs.push(`${sid}: line ${hole + 1} of the log is ${lines[hole]?.sequence}`)
    for (const { name, witness, session } of watchers.filter(watcher => watcher.sid === sid)) {
      for (const stretch of witness.stretches) {
        looked += stretch.to - stretch.from
        if (hashOf(lines, stretch) === stretch.hash) continue
        wrongs.push(`${name} saw other lines than the log after ${stretch.from} to ${stretch.to}`)
      }
      if (session.view.sequence !== lines.length) {
        wrongs.push(`${name} stands at ${session.view.sequence} of ${lines.length}`)
      }
    }
  }
  return { name: 'clients: no gap, no double, no reorder', looked, wrongs }
}
