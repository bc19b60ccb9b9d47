/**
 * The commands of one partition as they arrive, during one epoch.
 *
 * Order is everything here: a command that is decided after a later one of its session would be
 * taken for a repetition and lost. Deliveries of a consumer are counted by the server, so a lost one
 * shows as a hole in the count; then nothing of this epoch can be trusted and it is `broken`: a new
 * epoch delivers again what is not acknowledged, in order. A command that waits for long comes again
 * (it must not: it is told to wait on); the copy only brings a fresher handle. Kept of each is what it takes to
 * acknowledge it, not its body: there may be very many.
 *
 * An acknowledgement is a core message, which a dying nats-server can lose without a sign. What was
 * acknowledged is therefore remembered until the server's own count agrees, and said once more if not.
 */
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream'
import type { Bus } from '../bus/connect.ts'
import { ACK_WAIT_MS, type Claim } from './takeover.ts'

export type Intake = {
  /** Nothing more comes out. What is not settled stays in the work queue. */
  close(): void
}

const BATCH = 256
/** How long a pull request stays open; the server gives a sign of life twice in this time. */
const EXPIRES_MS = 10_000
const STILL_AT_IT_EVERY_MS = ACK_WAIT_MS / 3
/** How often the server's count of what is not acknowledged is compared with ours. */
const COMPARE_EVERY_MS = 10_000

/** What is published to a delivery's own subject. */
const ACK = '+ACK'
const WORKING = '+WPI'

/** The subject at which a delivery is acknowledged; the client has it, but does not declare it. */
const handleOf = (message: JsMsg): string => (message as unknown as { reply: string }).reply

/** What the consumer says of itself when it is gone. */
const GONE: ReadonlySet<string> = new Set([
  'consumer_deleted',
  'consumer_not_found',
  'stream_not_found',
])

/**
 * @param options.onCommand called for every command once, in stored order
 * @param options.onBroken called at most once; the intake is closed then
 */
export const openIntake = async (
  bus: Bus,
  claim: Claim,
  options: {
    /** `settle`: the command is done with, the work queue may forget it. */
    readonly onCommand: (message: JsMsg, settle: () => void) => void
    readonly onBroken: (reason: string) => void
    readonly compareEveryMs?: number
  },
): Promise<Intake> => {
  const held = new Map<number, { handle: string; sinceMs: number }>()
  /** Handles of what was acknowledged since the counts were last compared. */
  let settledSince: string[] = []
  let delivered = 0
  let open = true
  let messages: ConsumerMessages | undefined

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
    if (!open) return
    const { deliverySequence } = message.info
    if (deliverySequence !== delivered + 1) {
      return broken(`delivery ${delivered + 1} is missing, ${deliverySequence} came`)
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
  messages = await consumer.consume({
    callback: take,
    max_messages: BATCH,
    expires: EXPIRES_MS,
  })
  void watchStatus(messages.status(), broken)
  void messages.closed().then(() => broken('the consumer was closed'))

  if (!open) messages.stop()
  return { close }
}

const watchStatus = async (
  notifications: AsyncIterable<{ readonly type: string }>,
  broken: (reason: string) => void,
) => {
  for await (const { type } of notifications) if (GONE.has(type)) broken(type)
}
