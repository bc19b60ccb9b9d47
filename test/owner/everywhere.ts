/** A session in every partition or so, and prompts for all of them. */
import { requestCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { PARTITIONS } from '../../subjects/partition.ts'
import { CMD } from '../../subjects/streams.ts'
import { logOf, promptOf } from './owners.ts'

export const NONE = { SANDBOX_PROVIDER: 'none', MAX_UNFINISHED_PROMPTS: '1000' }
export const patience = { deadlineMs: 30_000 }

export const SIDS = Array.from({ length: PARTITIONS }, (_, n) => `taken-${n}`)

/** Sends a prompt to every session and waits for every answer. */
export const promptAll = async (bus: Bus, id: string) => {
  const answers = await Promise.all(
    SIDS.map(sid => requestCommand(bus, sid, promptOf(id), patience)),
  )
  return answers.every(answer => answer.reply.ok)
}
/** In every session, the prompts that the log has. */
export const promptsOf = async (bus: Bus) => {
  const found = new Set<string>()
  for (const sid of SIDS) {
    const ids = (await logOf(bus, sid)).flatMap(({ record }) =>
      record.events.flatMap(event =>
        event.type === 'prompt_queued' ? [event.clientRequestId] : [],
      ),
    )
    found.add(ids.join())
  }
  return [...found]
}
/** Names of the consumers of each partition, `p<partition>`. */
export const consumers = async (bus: Bus) => {
  const held = new Map<string, string[]>()
  for await (const { name } of bus.jsm.consumers.list(CMD)) {
    const p = name.split('-')[0] as string
    held.set(p, [...(held.get(p) ?? []), name])
  }
  return held
}
