/**
 * What the frames that change the queue have in common: one command each, decided in the order in which
 * the socket sent them, and an answer to the sender alone. Everybody sees the queue by its records.
 */

import type { CommandOf, CommandType } from '../../../subjects/commands.ts'
import { codeOf, fail } from '../../../subjects/errors.ts'
import { requestCommand } from '../../bus/command.ts'
import type { ClientPeer } from '../client-peer.ts'
import type { Edge } from '../edge.ts'

type QueueCommand = Extract<
  CommandType,
  'cancel_prompt' | 'edit_prompt' | 'move_prompt' | 'hold_queue' | 'release_queue'
>
/** The command without what the socket knows by itself. */
type Change<T extends QueueCommand> = Omit<CommandOf<T>, 'v' | 'userId' | 'clientRequestId'> & {
  readonly type: T
}

/**
 * Sends the command in the name of the socket's user, under the frame's request id, so that a frame that
 * is sent again over another socket has no second effect.
 * @returns the version of the queue since, or undefined when the owner has refused and the sender knows
 */
export const changeQueue = async <T extends QueueCommand>(
  edge: Edge,
  { socket, room, member }: ClientPeer,
  clientRequestId: string,
  change: Change<T>,
): Promise<number | undefined> => {
  const command = { v: 1, userId: member!.userId, clientRequestId, ...change } as CommandOf<T>
  const { reply } = await requestCommand(edge.bus, room.sid, command).catch((error: Error) => {
    const { message } = error
    // What the inbox does not take is a text, far too long or none: it is the prompt that is wrong.
    throw codeOf(error) === 'INVALID_REQUEST' ? fail('INVALID_PROMPT', { message, error }) : error
  })
  if (reply.ok) return reply.version ?? 0
  socket.sendRefusal(reply, clientRequestId)
  return undefined
}

/** As {@link changeQueue}, acknowledged with `queue_changed`. */
export const changeQueueAndSay = async <T extends QueueCommand>(
  edge: Edge,
  peer: ClientPeer,
  clientRequestId: string,
  change: Change<T>,
): Promise<void> => {
  const version = await changeQueue(edge, peer, clientRequestId, change)
  if (version !== undefined) peer.socket.send({ type: 'queue_changed', clientRequestId, version })
}
