/** A sandbox as caller: only the session's present one is believed, by the token that it was started with. */
import type { FastifyRequest } from 'fastify'
import { fail } from '../../../subjects/errors.ts'
import type { SessionInfo } from '../../../subjects/frames-server.ts'
import { safeEqual } from '../../auth/hash.ts'
import { sandboxToken } from '../../auth/sandbox-token.ts'
import { ask } from '../../bus/ask.ts'
import type { Room } from '../room.ts'

const bearerOf = (request: FastifyRequest): string | undefined =>
  /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]

/** Whether a request carries what looks like a sandbox's token; a service's has a dot in it. */
export const seemsSandbox = (request: FastifyRequest): boolean =>
  /^[0-9a-f]{64}$/.test(bearerOf(request) ?? '')

/**
 * The sandbox that asks, and its session.
 *
 * @throws `SANDBOX_TOKEN_INVALID` unless it is the session's present sandbox, `SESSION_NOT_FOUND`
 */
export const sandboxOf = async (
  request: FastifyRequest,
  room: Room,
  sid: string,
): Promise<{ readonly generation: number; readonly session: SessionInfo }> => {
  const given = bearerOf(request)
  const secret = room.config.internalCallbackSecret
  if (!secret) throw fail('NOT_CONFIGURED')
  const { details, snapshot } = await ask(room.bus, { v: 1, type: 'snapshot', sid })
  const generation = details.sandbox?.generation
  if (given === undefined || generation === undefined) throw fail('SANDBOX_TOKEN_INVALID')
  if (!safeEqual(given, sandboxToken(secret, sid, generation))) throw fail('SANDBOX_TOKEN_INVALID')
  return { generation, session: snapshot.session }
}
