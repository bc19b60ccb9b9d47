/** What the nats-servers say of commands that nobody takes, for whoever has to find out why. */
import type { Bus } from '../../../lib/bus/connect.ts'
import { PARTITIONS } from '../../../subjects/partition.ts'
import { CMD, KV_OWN } from '../../../subjects/streams.ts'
import { partitionSubject, storedCommands } from '../../../subjects/subjects.ts'

/** One line for each partition with commands: its key, its consumers, and what waits there. */
export const describeStall = async (bus: Bus): Promise<string[]> => {
  const { state } = await bus.jsm.streams.info(CMD, { subjects_filter: '>' })
  const consumers = await Array.fromAsync(bus.jsm.consumers.list(CMD))
  const lines: string[] = []
  for (let p = 0; p < PARTITIONS; p++) {
    const mine = storedCommands(p)
    const prefix = mine.replace('*', '')
    const waiting = Object.entries(state.subjects ?? {})
      .filter(([subject]) => subject.startsWith(prefix))
      .reduce((sum, [, count]) => sum + count, 0)
    if (waiting === 0) continue
    const key = await bus.jsm.streams.getMessage(KV_OWN, { last_by_subj: partitionSubject(p) })
    const told = consumers
      .filter(({ config }) => config.filter_subject === mine)
      .map(one => {
        const { name, num_pending, num_ack_pending, num_waiting, delivered, cluster } = one
        return `${name}: ${num_pending} pending, ${num_ack_pending} unacknowledged, ${num_waiting} pulls, ${delivered.consumer_seq} delivered, leader ${cluster?.leader}`
      })
    lines.push(
      `p${p} has ${waiting}; ${key?.seq} ${key?.string()}; ${told.join('; ') || 'no consumer'}`,
    )
  }
  return lines
}
