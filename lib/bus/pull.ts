/**
 * One request for messages of a durable consumer that several processes share. It ends when all have come, when
 * its time is over, and as soon as nobody may know of it any more: there is a new leader, the connection was made
 * anew, or nothing is heard for two seconds. Whoever wants more asks again.
 */
import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream'
import type { Subscription } from '@nats-io/nats-core'
import type { Bus } from './connect.ts'
import type { Led } from './elections.ts'

/** How long a request stays open. */
const EXPIRES_MS = 30_000
const HEARTBEAT_MS = 1_000
/** By the steady clock; the client's own patience is measured by the wall clock. */
const SILENCE_MS = 2 * HEARTBEAT_MS
/** nats-server says within that time that nothing is on its way any more, or is not there. */
const DRAIN_WITHIN_MS = 1_000

/** What its messages come to; the client has it, but does not declare it. */
const subscriptionOf = (messages: ConsumerMessages): Subscription =>
  (messages as unknown as { sub: Subscription }).sub

type Pull = {
  readonly led: Led
  readonly most: number
  readonly signal: AbortSignal
  /** Called with each message, also with those that were on their way when the signal aborted. */
  readonly take: (message: JsMsg) => void
}

/** @returns false when it was refused or not answered: there may be nobody to ask just now */
export const pull = async (bus: Bus, consumer: Consumer, options: Pull): Promise<boolean> => {
  try {
    const messages = await consumer.fetch({
      max_messages: options.most,
      expires: EXPIRES_MS,
      idle_heartbeat: HEARTBEAT_MS,
      bind: true,
    })
    await takeAll(bus, messages, options)
    return true
  } catch {
    return false
  }
}

const takeAll = async (bus: Bus, messages: ConsumerMessages, { led, signal, take }: Pull) => {
  // To stop would lose what is on its way, until its ack wait is over. What is between two nats-servers is.
  const end = () => {
    void subscriptionOf(messages)
      .drain()
      .catch(() => {})
    setTimeout(() => messages.stop(), DRAIN_WITHIN_MS).unref()
  }
  const silence = setTimeout(end, SILENCE_MS)
  const endHearing = bus.elections.hear(led, end)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  void refreshAtNews(messages, silence)
  try {
    for await (const message of messages) {
      silence.refresh()
      take(message)
    }
  } finally {
    clearTimeout(silence)
    endHearing()
    signal.removeEventListener('abort', end)
  }
}

const refreshAtNews = async (messages: ConsumerMessages, silence: NodeJS.Timeout) => {
  for await (const _ of messages.status()) silence.refresh()
}
