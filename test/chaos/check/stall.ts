/** What the nats-servers say of what nobody goes on with, for whoever has to find out why. */
import type { Bus } from '../../../lib/bus/connect.ts'
import { PARTITIONS } from '../../../subjects/partition.ts'
import { CMD, KV_OWN, TMR } from '../../../subjects/streams.ts'
import {
  fireSubject,
  partitionSubject,
  sessionId,
  storedCommands,
  timersOf,
} from '../../../subjects/subjects.ts'
import type { Logs } from '../log.ts'
import { eventsOf } from './prompts.ts'

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

const RECORDS_SHOWN = 12

/** Of each session that is not done: its newest records, and its schedules as they stand. */
export const describeSessions = async (bus: Bus, logs: Logs): Promise<string[]> => {
  const lines: string[] = []
  for (const [text, records] of logs) {
    const open = eventsOf(records, 'prompt_queued').length
    if (open === eventsOf(records, 'prompt_finished').length) continue
    const sid = sessionId(text)
    for (const { sequence, record } of records.slice(-RECORDS_SHOWN)) {
      const { commandSequence, atMs, epoch, owner, events, effects, timers } = record
      const at = `${sequence} of command ${commandSequence} at ${atMs} by ${owner} ${epoch}`
      lines.push(`${text}: ${at}: ${JSON.stringify({ events, effects, timers }).slice(0, 600)}`)
    }
    for (const filter of [timersOf(sid), fireSubject(sid)]) {
      const { state } = await bus.jsm.streams.info(TMR, { subjects_filter: filter })
      for (const subject of Object.keys(state.subjects ?? {})) {
        const last = await bus.jsm.streams.getMessage(TMR, { last_by_subj: subject })
        const { seq, time, header } = last ?? {}
        lines.push(`${subject}: ${seq} ${time?.toISOString()} ${header} ${last?.string()}`)
      }
    }
  }
  const { sources } = await bus.jsm.streams.info(CMD)
  lines.push(`now ${Date.now()}; ${JSON.stringify(sources)}`)
  return lines
}
