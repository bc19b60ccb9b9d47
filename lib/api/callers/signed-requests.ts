/**
 * Requests that a service has signed whole (spec 3.2). What the headers claim is looked at first, the
 * body after that; whatever comes of it, no other way of proving oneself is tried.
 */
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { fail } from '../../../subjects/errors.ts'
import {
  isSigned,
  readServiceSignature,
  type SignedClaim,
  verifyServiceSignature,
} from '../../auth/service-signature.ts'
import { BODY_LIMIT_BYTES } from '../json-body.ts'
import type { Room } from '../room.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What the headers claim; not yet verified while there is no `signedFor`. */
    signedClaim: SignedClaim | null
    /** The user for whom the request was signed, or the service itself. */
    signedFor: string | null
  }
}

/** @throws `PAYLOAD_TOO_LARGE` */
const readWhole = async (payload: AsyncIterable<unknown>): Promise<Buffer> => {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of payload) {
    const buffer = Buffer.from(part as Uint8Array)
    bytes += buffer.length
    if (bytes > BODY_LIMIT_BYTES) throw fail('PAYLOAD_TOO_LARGE')
    parts.push(buffer)
  }
  return Buffer.concat(parts)
}

/** Verifies the signatures of all requests that carry one; to be called before the routes. */
export const readSignatures = (
  app: FastifyInstance,
  room: Pick<Room, 'config' | 'nowMs'>,
): void => {
  const { internalCallbackSecret, serviceTokenWindowMs: windowMs } = room.config
  app.decorateRequest('signedClaim', null)
  app.decorateRequest('signedFor', null)

  app.addHook('onRequest', async request => {
    if (!isSigned(request.headers)) return
    request.signedClaim = readServiceSignature(request.headers, { nowMs: room.nowMs(), windowMs })
  })

  app.addHook('preParsing', async (request, _reply, payload) => {
    const claim = request.signedClaim
    if (!claim) return payload
    const body = await readWhole(payload)
    const { method, url } = request
    verifyServiceSignature(internalCallbackSecret, claim, { method, url, body })
    request.signedFor = claim.actor ?? `service:${claim.service}`
    return Object.assign(Readable.from(body.length > 0 ? [body] : []), {
      receivedEncodedLength: body.length,
    })
  })
}
