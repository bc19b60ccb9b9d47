/**
 * Services on the bus, with nothing of ours but a NATS client's publish: some wait for the owner's answer,
 * others are content when the stream has stored it. A publish that failed is made again under the same ids.
 */

import { publishCommand, requestCommand } from '../../../lib/bus/command.ts'
import type { CommandInput } from '../../../subjects/commands.ts'
import { codeOf } from '../../../subjects/errors.ts'
import type { Ledger, Sent } from '../ledger.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import { insist, type Pace, think } from './pace.ts'
import { contentOf } from './words.ts'

const isPassing = (error: unknown): boolean =>
  ['BUS_UNAVAILABLE', 'NO_OWNER', 'STREAM_FULL'].includes(codeOf(error) ?? '')

type Service = {
  readonly sid: string
  readonly name: string
  readonly pace: Pace
  readonly random: Random
  readonly reply: boolean
}

export const runBusService = async (
  { bus, nowMs }: World,
  ledger: Ledger,
  { sid, name, pace, random, reply }: Service,
): Promise<void> => {
  const stubborn = { isPassing, over: pace.over }
  for (let n = 0; await think(pace, random); n++) {
    const id = `${name}-${n}`
    const command: CommandInput = {
      v: 1,
      type: 'prompt',
      clientRequestId: id,
      content: contentOf(id, random),
      authorId: name,
      source: 'automation',
    }
    const way = reply ? 'bus with reply' : 'bus'
    const sent: Sent = { sid, id, way, sender: name, atMs: nowMs() }
    ledger.sent.push(sent)
    if (reply) {
      const answer = await insist(() => requestCommand(bus, sid, command), stubborn)
      if (!answer.reply.ok) ledger.wrongs.push(`${id} was refused: ${answer.reply.code}`)
      else sent.messageId = answer.reply.messageId
    } else {
      await insist(() => publishCommand(bus, sid, command, { id }), stubborn)
    }
    sent.acceptedAtMs = nowMs()
  }
}
