/**
 * Webhook deliveries. Whoever changes something writes its delivery in the same transaction; from
 * there it is sent once, signed, in order, and what came of it is written down. Nothing is tried again by
 * itself: whoever missed one asks for it, as with GitHub. When the forge dies, what was not begun
 * is sent at the next start, and what was begun is marked as failed.
 */
import { randomUUID } from 'node:crypto'
import { sign } from '@octokit/webhooks-methods'
import type { Log } from '../telemetry/log.ts'
import type { ForgeSettings, Repository } from './room.ts'
import type { Db, DeliveryRow, Store } from './tables.ts'

/** GitHub waits as long. */
const TIMEOUT_MS = 10_000
const KEPT_MS = 30 * 86_400_000
const RESPONSE_CHARS = 10_000

export type Hooks = {
  /** Sends what waits. Called after each transaction that wrote deliveries. */
  readonly kick: () => void
  /** Resolves once nothing is being sent and nothing waits. */
  readonly idle: () => Promise<void>
  /** Gives up what is under way and sends nothing more. */
  readonly close: () => Promise<void>
}

export type NewDelivery = {
  readonly event: string
  readonly action?: string
  readonly payload: object
  readonly repository: Repository
}

/** Writes a delivery down, unless the App is not installed there. */
export const deliver = async (
  db: Db,
  { event, action, payload, repository }: NewDelivery,
  nowMs: number,
): Promise<void> => {
  if (!repository.installed) return
  const row = {
    guid: randomUUID(),
    event,
    action: action ?? null,
    repository_id: repository.id,
    payload: JSON.stringify(payload),
    redelivery: 0,
    created_at: nowMs,
  }
  await db.insertInto('deliveries').values(row).execute()
}

/** Writes down that a delivery is to be sent once more, with its id. */
export const redeliver = async (db: Db, { id: _, ...again }: DeliveryRow, nowMs: number) => {
  const { guid, event, action, repository_id, payload } = again
  const row = { guid, event, action, repository_id, payload, redelivery: 1, created_at: nowMs }
  await db.insertInto('deliveries').values(row).execute()
}

type Outcome = Pick<DeliveryRow, 'status' | 'status_code'> &
  Partial<Pick<DeliveryRow, 'response_headers' | 'response_body'>>

export const startHooks = async (
  store: Store,
  settings: ForgeSettings,
  log: Log,
): Promise<Hooks> => {
  const { app, webhookUrl, nowMs } = settings
  const stop = new AbortController()
  let running: Promise<void> | undefined
  let again = false

  await store.within(async db => {
    await db
      .deleteFrom('deliveries')
      .where('created_at', '<', nowMs() - KEPT_MS)
      .execute()
    await db
      .updateTable('deliveries')
      .set({ status: 'failed to connect to host', status_code: 502, duration_ms: 0 })
      .where('attempted_at', 'is not', null)
      .where('status', 'is', null)
      .execute()
  })

  const headersOf = async ({ event, guid, payload }: DeliveryRow) => ({
    accept: '*/*',
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/forge',
    'x-github-delivery': guid,
    'x-github-event': event,
    'x-github-hook-id': '1',
    'x-github-hook-installation-target-id': String(app.appId),
    'x-github-hook-installation-target-type': 'integration',
    'x-hub-signature-256': await sign(app.webhookSecret, payload),
  })

  const post = async (row: DeliveryRow, headers: Record<string, string>): Promise<Outcome> => {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(TIMEOUT_MS)])
    try {
      const request = { method: 'POST', headers, body: row.payload, signal } as const
      const answer = await fetch(webhookUrl, { ...request, redirect: 'manual' })
      return {
        status: answer.ok ? 'OK' : `Invalid HTTP Response: ${answer.status}`,
        status_code: answer.status,
        response_headers: JSON.stringify(Object.fromEntries(answer.headers)),
        response_body: (await answer.text()).slice(0, RESPONSE_CHARS),
      }
    } catch (error) {
      const timedOut = (error as Error).name === 'TimeoutError'
      return timedOut
        ? { status: 'timed out', status_code: 504 }
        : { status: 'failed to connect to host', status_code: 502 }
    }
  }

  const send = async (row: DeliveryRow): Promise<void> => {
    const headers = await headersOf(row)
    const startMs = performance.now()
    const outcome = await post(row, headers)
    if (outcome.status !== 'OK') log.warn({ event: row.event, ...outcome }, 'webhook not delivered')
    const request_headers = JSON.stringify(headers)
    const duration_ms = Math.round(performance.now() - startMs)
    await store.within(db =>
      db
        .updateTable('deliveries')
        .set({ ...outcome, request_headers, duration_ms })
        .where('id', '=', row.id)
        .execute(),
    )
  }

  /** Takes the next one: after this it counts as begun. */
  const take = (): Promise<DeliveryRow | undefined> =>
    store.within(async db => {
      const waiting = db.selectFrom('deliveries').selectAll().where('attempted_at', 'is', null)
      const row = await waiting.orderBy('id').limit(1).executeTakeFirst()
      if (!row) return undefined
      const begun = db.updateTable('deliveries').set({ attempted_at: nowMs() })
      await begun.where('id', '=', row.id).execute()
      return row
    })

  const run = async (): Promise<void> => {
    do {
      again = false
      for (;;) {
        if (stop.signal.aborted) return
        const row = await take()
        if (!row) break
        await send(row)
      }
    } while (again)
  }

  const kick = () => {
    again = true
    if (stop.signal.aborted) return
    running ??= run()
      .catch(error => log.error({ err: error }, 'webhooks cannot be sent'))
      .finally(() => {
        running = undefined
        // Asked for between the last look and here.
        if (again) kick()
      })
  }
  kick()
  return {
    kick,
    idle: async () => {
      while (running) await running
    },
    close: async () => {
      stop.abort()
      await running
    },
  }
}
