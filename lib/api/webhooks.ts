/**
 * `POST /webhooks/github` (spec 6.5): checked over the body as it came, stored under the delivery's own
 * id, answered. What it means is the github process's business.
 */

import { verify } from '@octokit/webhooks-methods'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { fail } from '../../subjects/errors.ts'
import type { GithubDelivery } from '../../subjects/github.ts'
import { HOOK } from '../../subjects/streams.ts'
import { GITHUB_HOOK } from '../../subjects/subjects.ts'
import { essentialsOf } from '../../subjects/webhooks.ts'
import type { Bus } from '../bus/connect.ts'
import { publishJob } from '../bus/jobs.ts'
import type { Room } from './room.ts'
import type { App } from './zod-validation.ts'

/** GitHub sends no more. */
const MOST_BYTES = 25 * 1024 * 1024
/** GitHub waits ten seconds; a delivery that failed by then is repaired later. */
const STORE_WITHIN_MS = 8_000
/** Left of a message for its headers. */
const HEADERS_BYTES = 4_096

const NAME = /^[\w.-]{1,128}$/

/** @throws UNAUTHORIZED unless the header is the signature of the body */
const requireSignature = async (secret: string, body: string, given: unknown): Promise<void> => {
  const fits = typeof given === 'string' && body !== '' && given !== ''
  if (fits && (await verify(secret, body, given))) return
  throw fail('UNAUTHORIZED', { message: 'Invalid webhook signature' })
}

const payloadOf = (body: string): Record<string, unknown> => {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(body))
  } catch (error) {
    throw fail('INVALID_JSON', { message: 'Invalid JSON payload', error })
  }
}

/** @throws INVALID_REQUEST when it is missing or no name */
const nameIn = (request: FastifyRequest, header: string): string => {
  const given = request.headers[header]
  if (typeof given === 'string' && NAME.test(given)) return given
  throw fail('INVALID_REQUEST', { message: `Invalid ${header} header` })
}

/** The delivery as it is stored; one that is too large for the bus holds only what we read of it. */
const storable = (bus: Bus, delivery: GithubDelivery): GithubDelivery => {
  const most = (bus.nc.info?.max_payload ?? 1024 ** 2) - HEADERS_BYTES
  if (Buffer.byteLength(JSON.stringify(delivery)) <= most) return delivery
  return { ...delivery, payload: essentialsOf(delivery.event, delivery.payload) }
}

export const webhooks = async (app: App, { bus, config, nowMs }: Room): Promise<void> => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(
    '*',
    { parseAs: 'buffer', bodyLimit: MOST_BYTES },
    (_request, body, done) => done(null, body),
  )
  const schema = {
    summary: 'GitHub tells what happened; signed with the webhook secret',
    security: [],
    refusals: [
      'UNAUTHORIZED',
      'INVALID_JSON',
      'INVALID_REQUEST',
      'NOT_CONFIGURED',
      'STREAM_FULL',
      'BUS_UNAVAILABLE',
    ] as const,
    response: {
      200: z.object({ status: z.literal('ok'), event: z.string(), deliveryId: z.string() }),
    },
  }
  app.post('/webhooks/github', { schema, bodyLimit: MOST_BYTES }, async request => {
    const secret = config.github?.webhookSecret
    if (!secret) throw fail('NOT_CONFIGURED', { message: 'Webhook secret not configured' })
    const body = (request.body as Buffer | undefined)?.toString('utf8') ?? ''
    await requireSignature(secret, body, request.headers['x-hub-signature-256'])
    const payload = payloadOf(body)
    const event = nameIn(request, 'x-github-event')
    const deliveryId = nameIn(request, 'x-github-delivery')
    const delivery = { v: 1, deliveryId, event, receivedAtMs: nowMs(), payload } as const
    await publishJob(bus, GITHUB_HOOK, storable(bus, delivery), deliveryId, {
      deadlineMs: STORE_WITHIN_MS,
      stream: HOOK,
    })
    return { status: 'ok' as const, event, deliveryId }
  })
}
