/**
 * Sends webhooks as GitHub does, only worse: shuffled, to any api, some again though they were taken. One
 * that was not taken is sent again when the github process finds it and asks, in the end in any case.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { signatureOf } from '../../fixtures/github.ts'
import type { Delivery } from '../git-host.ts'
import type { Ledger } from '../ledger.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'

const WITHIN_MS = 10_000
const MOST_LATE_MS = 400
/** Of those that were taken, one of so many comes again, up to so much later. */
const AGAIN = 3
const MOST_LATER_MS = 2_000
const PAUSE_MS = 200

export const wasTaken = ({ attempts }: Delivery): boolean =>
  attempts.some(({ status }) => status === 200)

export const startWebhooks = (world: World, ledger: Ledger, random: Random) => {
  const { system, gitHost } = world
  const underway = new Set<Promise<void>>()

  const attempt = async (delivery: Delivery): Promise<boolean> => {
    const { guid, event, body } = delivery
    const headers = {
      'content-type': 'application/json',
      'x-github-delivery': guid,
      'x-github-event': event,
      'x-hub-signature-256': signatureOf(body),
    }
    const signal = AbortSignal.timeout(WITHIN_MS)
    const status = await fetch(`${random.pick(system.apis)}/webhooks/github`, {
      method: 'POST',
      headers,
      body,
      signal,
    })
      .then(answer => answer.arrayBuffer().then(() => answer.status))
      .catch(() => 502)
    gitHost.attempted(delivery, status)
    if (status >= 400 && status < 500) ledger.wrongs.push(`webhook ${event} refused: ${status}`)
    const sent = ledger.sent.find(({ id }) => id === `hook:${guid}`)
    if (sent && status === 200) sent.acceptedAtMs ??= world.nowMs()
    return status === 200
  }
  const send = async (delivery: Delivery) => {
    await wait(random.between(0, MOST_LATE_MS))
    if (!(await attempt(delivery))) return
    while (random.between(1, AGAIN) === 1) {
      await wait(random.between(0, MOST_LATER_MS))
      await attempt(delivery)
    }
  }
  gitHost.onDelivery = delivery => {
    const sending = send(delivery).finally(() => underway.delete(sending))
    underway.add(sending)
  }
  return {
    /** Resolves once every delivery was taken, and nothing is sent any more. */
    delivered: async (): Promise<undefined> => {
      while (underway.size > 0) await Promise.all(underway)
      for (const delivery of gitHost.deliveries) {
        while (!wasTaken(delivery) && !world.over.aborted) {
          if (!(await attempt(delivery))) await wait(PAUSE_MS)
        }
      }
      while (underway.size > 0) await Promise.all(underway)
    },
  }
}
