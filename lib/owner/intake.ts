/**
 * The commands of one partition as they arrive, during one epoch.
 *
 * Order is everything here: a command that is decided after a later one of its session would be
 * taken for a repetition and lost. Deliveries of a consumer are counted by the server, so a lost one
 * shows as a hole in the count, or as a count that we never reached. Then, and whenever nobody knows what
 * was lost (the connection broke, the consumer has a new leader, it fell silent), the consumer is put back to
 * what is not acknowledged, which comes again in order; what is known already is told from what is not. A
 * command that waits for long comes again too (it must not: it is told to wait on). A copy only brings a
 * fresher handle. Kept of each is what it takes to acknowledge it, not its body: there may be very many.
 *
 * An acknowledgement is a core message, which a dying nats-server can lose without a sign. What was
 * acknowledged is therefore remembered until the server's own count agrees, and said once more if not.
 */
import type { ConsumerMessages, ConsumerNotification, JsMsg } from '@nats-io/jetstream'
import { CMD } from '../../subjects/streams.ts'
import type { Bus } from '../bus/connect.ts'
import { ledBy, pauseFor } from '../bus/elections.ts'
import { isWorthRetrying } from '../bus/failure.ts'
import type { Log } from '../telemetry/log.ts'
import { ACK_WAIT_MS, type Claim } from './ownership/takeover.ts'

export type Intake = {
  /** Has everything come again that is not settled: something may be lost on its way. */
  again(reason: string): void
  /** Nothing more comes out. What is not settled stays in the work queue. */
  close(): void
}

const BATCH = 256
/** How long a pull request stays open. */
const EXPIRES_MS = 30_000
/** Two signs of life that do not come mean a lost leader, before another can be elected. */
const HEARTBEAT_MS = 1_000
const STILL_AT_IT_EVERY_MS = ACK_WAIT_MS / 3
/** How often the server's count of what is not acknowledged is compared with ours. */
const COMPARE_EVERY_MS = 10_000
const RETRY_MS = 200

/** What is published to a delivery's own subject. */
const ACK = '+ACK'
const WORKING = '+WPI'

/** The subject at which a delivery is acknowledged; the client has it, but does not declare it. */
const handleOf = (message: JsMsg): string => (message as unknown as { reply: string }).reply

/** nats-servers before 2.14 cannot put a consumer back. */
const isUnknown = (error: unknown) =>
  error instanceof Error && /requires server/.test(error.message)

/**
 * @param options.onCommand called for every command in stored order: once, and again when its
 * acknowledgement was lost
 * @param options.onBroken called at most once; the intake is closed then
 */
export const openIntake = async (
  bus: Bus,
  claim: Claim,
  options: {
    /** `settle`: the command is done with, the work queue may forget it. */
    readonly onCommand: (message: JsMsg, settle: () => void) => void
    readonly onBroken: (reason: string) => void
    readonly log: Log
    readonly compareEveryMs?: number
  },
): Promise<Intake> => {
  const { log } = options
  const held = new Map<number, { handle: string; sinceMs: number }>()
  /** Handles of what was acknowledged since the counts were last compared. */
  let settledSince: string[] = []
  let delivered = 0
  let open = true
  let messages: ConsumerMessages | undefined
  let puttingBack: Promise<void> | undefined

  const close = () => {
    open = false
    clearInterval(stillAtIt)
    clearInterval(comparing)
    held.clear()
    messages?.stop()
  }
  const broken = (reason: string) => {
    if (!open) return
    close()
    options.onBroken(reason)
  }
  const take = (message: JsMsg) => {
    const { deliverySequence } = message.info
    if (deliverySequence !== delivered + 1) {
      return again(`delivery ${delivered + 1} is missing, ${deliverySequence} came`)
    }
    delivered = deliverySequence
    const known = held.get(message.seq)
    const { seq } = message
    held.set(seq, { handle: handleOf(message), sinceMs: known?.sinceMs ?? performance.now() })
    if (known) return
    options.onCommand(message, () => {
      const settled = held.get(seq)
      held.delete(seq)
      if (!settled) return
      bus.nc.publish(settled.handle, ACK)
      settledSince.push(settled.handle)
    })
  }
  const stillAtIt = setInterval(() => {
    const before = performance.now() - STILL_AT_IT_EVERY_MS
    for (const { handle, sinceMs } of held.values()) {
      if (sinceMs > before) break
      bus.nc.publish(handle, WORKING)
    }
  }, STILL_AT_IT_EVERY_MS)

  const consumer = bus.js.consumers.getConsumerFromInfo(claim.consumer)
  const led = { stream: CMD, consumer: claim.consumer.name }
  const compare = async () => {
    const handles = settledSince
    settledSince = []
    if (handles.length === 0) return
    const info = await consumer.info().catch(() => undefined)
    // What is on its way to us counts there already: saying it again in vain does no harm.
    if (!open || (info && info.num_ack_pending <= held.size)) return
    for (const handle of handles) bus.nc.publish(handle, ACK)
    // Nobody knows how it stands: look once more.
    if (!info) settledSince.push(...handles)
  }
  const comparing = setInterval(() => void compare(), options.compareEveryMs ?? COMPARE_EVERY_MS)

  const begin = async () => {
    delivered = 0
    const own = await consumer.consume({
      callback: message => {
        if (open && own === messages) take(message)
      },
      max_messages: BATCH,
      expires: EXPIRES_MS,
      idle_heartbeat: HEARTBEAT_MS,
      // What is the matter is found out here.
      bind: true,
    })
    messages = own
    if (!open) return own.stop()
    void watchStatus(own.status(), {
      behind: count => count > delivered,
      again: reason => own === messages && again(reason),
      broken,
    })
    void own.closed().then(() => own === messages && again('the consumer was closed'))
  }
  const putBack = async () => {
    messages?.stop()
    messages = undefined
    while (open) {
      try {
        await ledBy(bus, led, bus.jsm.consumers.reset(CMD, led.consumer))
        return await begin()
      } catch (error) {
        if (isUnknown(error) || !isWorthRetrying(error)) return broken(String(error))
        log.debug({ error, consumer: led.consumer }, 'deliveries not begun again yet')
        await pauseFor(bus, led, RETRY_MS)
      }
    }
  }
  const again = (reason: string) => {
    if (!open || puttingBack) return
    log.debug({ consumer: led.consumer, reason }, 'deliveries begin again')
    puttingBack = putBack().finally(() => {
      puttingBack = undefined
    })
  }

  await begin()
  return { again, close }
}

const watchStatus = async (
  notifications: AsyncIterable<ConsumerNotification>,
  on: {
    readonly behind: (count: number) => boolean
    readonly again: (reason: string) => void
    readonly broken: (reason: string) => void
  },
) => {
  let beforeLast = 0
  for await (const notification of notifications) {
    const { type } = notification
    if (type === 'consumer_deleted') on.broken(type)
    if (type === 'heartbeats_missed' || type === 'no_responders') on.again(type)
    if (type !== 'heartbeat') continue
    const count = notification.lastConsumerSequence
    // Twice: what is counted may still be on its way.
    if (count === beforeLast && on.behind(count)) on.again(`delivery ${count} never came`)
    beforeLast = count
  }
}
