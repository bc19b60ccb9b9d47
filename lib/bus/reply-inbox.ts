/**
 * Where owners answer the commands of one connection: one subscription for all who wait. One for each
 * would be two more messages a command for nats-server, each a change of what it routes by; and in a
 * cluster an answer may be faster than the news of a subscription that was made for it.
 */
import { createInbox, type NatsConnection } from '@nats-io/nats-core'
import { fail } from '../../subjects/errors.ts'
import { type EnvelopedReply, envelopedReply } from '../../subjects/replies.ts'
import { parseJson } from './json.ts'

export type AwaitedReply = {
  /** The core subject to name in the command. */
  readonly subject: string
  readonly reply: Promise<EnvelopedReply>
  /** Nobody waits any more. */
  close(): void
}

const inboxes = new WeakMap<NatsConnection, () => AwaitedReply>()

const openInbox = (nc: NatsConnection): (() => AwaitedReply) => {
  const prefix = createInbox()
  const waiting = new Map<string, (reply: EnvelopedReply) => void>()
  let count = 0
  nc.subscribe(`${prefix}.*`, {
    callback: (error, message) => {
      const tell = waiting.get(message.subject)
      if (error || !tell) return
      const parsed = parseJson(envelopedReply, message.data)
      if (parsed.ok) tell(parsed.value)
    },
  })
  return () => {
    const subject = `${prefix}.${++count}`
    const { promise: reply, resolve } = Promise.withResolvers<EnvelopedReply>()
    waiting.set(subject, resolve)
    return { subject, reply, close: () => void waiting.delete(subject) }
  }
}

/** Begins to wait for one answer. @throws code BUS_UNAVAILABLE when the connection was closed */
export const awaitReply = (nc: NatsConnection): AwaitedReply => {
  if (nc.isClosed()) throw fail('BUS_UNAVAILABLE')
  const open = inboxes.get(nc) ?? openInbox(nc)
  inboxes.set(nc, open)
  return open()
}
