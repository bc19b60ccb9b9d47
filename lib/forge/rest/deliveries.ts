/** The App's webhook deliveries: what was sent and how it was answered, and sending it again. */
import type { components } from '@octokit/openapi-types'
import type { FastifyRequest } from 'fastify'
import { redeliver } from '../hooks.ts'
import { isoOf } from '../json/account.ts'
import { notFound, refusal } from '../refusal.ts'
import type { ForgeSettings } from '../room.ts'
import type { DeliveryRow } from '../tables.ts'
import { addressWith, pageOf, sendLinks } from './page.ts'
import type { Routes } from './routes.ts'

type Schemas = components['schemas']

export const deliveryRoutes: Routes = (api, room) => {
  const { settings, store, hooks } = room
  const onlyApp = async ({ forgeCaller }: FastifyRequest) => {
    if (forgeCaller.kind !== 'app') throw refusal(401, 'A JSON web token could not be decoded')
  }
  /** What is being sent has no outcome yet, and is shown once it has. */
  const find = async (request: FastifyRequest): Promise<DeliveryRow> => {
    const id = Number((request.params as { id: string }).id)
    const found = await store.within(db =>
      db
        .selectFrom('deliveries')
        .selectAll()
        .where('id', '=', Number.isSafeInteger(id) ? id : 0)
        .where('status', 'is not', null)
        .executeTakeFirst(),
    )
    if (!found) throw notFound()
    return found
  }

  api.get('/app/hook/deliveries', { preHandler: onlyApp }, async (request, reply) => {
    const { limit } = pageOf(request)
    const { cursor = '' } = request.query as { cursor?: string }
    const before = /^v1_(\d{1,15})$/.exec(cursor)?.[1]
    if (cursor && !before) throw refusal(400, 'Invalid cursor')
    const rows = await store.within(db => {
      let rows = db.selectFrom('deliveries').selectAll().where('status', 'is not', null)
      if (before) rows = rows.where('id', '<', Number(before))
      return rows
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute()
    })
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    if (last && rows.length > limit) {
      sendLinks(reply, { next: addressWith(room, request, { cursor: `v1_${last.id}` }) })
    }
    return page.map(row => itemJson(settings, row))
  })

  api.get('/app/hook/deliveries/:id', { preHandler: onlyApp }, async request => {
    const row = await find(request)
    const answer: Schemas['hook-delivery'] = {
      ...itemJson(settings, row),
      url: settings.webhookUrl,
      request: {
        headers: row.request_headers ? JSON.parse(row.request_headers) : null,
        payload: JSON.parse(row.payload),
      },
      response: {
        headers: row.response_headers ? JSON.parse(row.response_headers) : null,
        payload: row.response_body,
      },
    }
    return answer
  })

  api.post('/app/hook/deliveries/:id/attempts', { preHandler: onlyApp }, async (request, reply) => {
    const row = await find(request)
    await store.within(db => redeliver(db, row, settings.nowMs()))
    hooks.kick()
    return reply.code(202).send({})
  })
}

const itemJson = ({ app }: ForgeSettings, row: DeliveryRow) =>
  ({
    id: row.id,
    guid: row.guid,
    delivered_at: isoOf(row.attempted_at ?? row.created_at),
    redelivery: row.redelivery === 1,
    duration: (row.duration_ms ?? 0) / 1000,
    status: row.status ?? '',
    status_code: row.status_code ?? 0,
    event: row.event,
    action: row.action,
    installation_id: app.installationId,
    repository_id: row.repository_id,
    throttled_at: null,
  }) satisfies Schemas['hook-delivery-item']
