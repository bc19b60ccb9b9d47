/** How a resource has the owner decide something: every way in is the same command with the same care. */
import type { FastifyRequest } from 'fastify'
import { v7 } from 'uuid'
import type { CommandInput } from '../../subjects/commands.ts'
import type { Reply } from '../../subjects/replies.ts'
import { requestCommand } from '../bus/command.ts'
import type { Bus } from '../bus/connect.ts'
import { accepted } from './answer-error.ts'

/** A request id of the caller's, or one of ours: a command that is sent twice has one effect. */
export const requestIdOf = (given: string | null | undefined): string => given ?? v7()

/**
 * Sends a command and returns what the owner accepted.
 *
 * @throws the code with which it refused, and those of `requestCommand`
 */
export const decided = async (
  bus: Bus,
  request: Pick<FastifyRequest, 'traceId'>,
  sid: string,
  command: CommandInput,
): Promise<Extract<Reply, { ok: true }>> => {
  const { reply } = await requestCommand(bus, sid, command, { traceId: request.traceId })
  return accepted(reply)
}
