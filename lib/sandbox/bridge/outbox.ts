/**
 * What the sandbox has said and the control plane has not yet confirmed. Every event that is to be
 * stored gets a number (`run`, `seq`) and an `ackId`, is kept until it is acknowledged, and is sent
 * again in order over the next socket. Text of a running message is cumulative: only how far it had
 * grown before each event is remembered, so a repetition shows text and events in the order in which
 * they came, and the newest text follows the last event.
 *
 * It lives in memory: with the bridge's process it is gone, and the sandbox is then reported as lost.
 */
export type SandboxSaying = {
  readonly type: string
  readonly messageId?: string
  readonly [field: string]: unknown
}

/** Kept whatever happens; the others may be dropped, oldest first, when too much piles up. */
const CRITICAL: ReadonlySet<string> = new Set([
  'execution_complete',
  'error',
  'snapshot_ready',
  'push_complete',
  'push_error',
])

export type OutboxOptions = {
  /** Tells this bridge's numbers from those of an earlier one. */
  readonly run: string
  readonly sandboxId: string
  readonly nowMs: () => number
  /** Calls back once, later: text is sent at most this often. */
  readonly after: (ms: number, call: () => void) => unknown
  readonly maxItems?: number
  readonly maxBytes?: number
  /** Unconfirmed events on one socket at a time, so that a slow control plane is not run over. */
  readonly windowItems?: number
  readonly windowBytes?: number
}

export type Outbox = {
  /** Queues an event that is to be stored. */
  say(event: SandboxSaying): void
  /** The whole text of a message so far. */
  text(messageId: string, content: string): void
  /** The control plane has dealt with the event of this `ackId`, and so with all before it. */
  acked(ackId: string): void
  /** A socket is open: everything unconfirmed goes over it, in order. */
  attach(send: (frame: string) => void): void
  detach(): void
  /** Resolves when nothing waits for a confirmation. */
  drained(): Promise<void>
  size(): number
}

type Item = {
  readonly seq: number
  readonly type: string
  readonly critical: boolean
  readonly messageId: string | undefined
  /** How long the message's text was before this event. */
  readonly textLength: number
  readonly frame: string
}

const TEXT_EVERY_MS = 50

export const createOutbox = (options: OutboxOptions): Outbox => {
  const { run, sandboxId } = options
  const maxItems = options.maxItems ?? 10_000
  const maxBytes = options.maxBytes ?? 64 * 1024 ** 2
  const windowItems = options.windowItems ?? 256
  const windowBytes = options.windowBytes ?? 2 * 1024 ** 2

  let items: Item[] = []
  let bytes = 0
  let seq = 0
  /** How many of `items`, from the front, went over the present socket, and their size. */
  let sent = 0
  let sentBytes = 0
  let dropping = false
  let send: ((frame: string) => void) | undefined
  const texts = new Map<string, string>()
  let textsSent = new Map<string, number>()
  let textTimer = false
  let waiting: Array<() => void> = []

  const stamped = (event: SandboxSaying) => ({
    ...event,
    sandboxId,
    timestamp: options.nowMs() / 1000,
  })

  const sendText = (messageId: string, length: number) => {
    const text = texts.get(messageId)
    if (!send || text === undefined || length <= (textsSent.get(messageId) ?? 0)) return
    textsSent.set(messageId, length)
    send(JSON.stringify(stamped({ type: 'token', messageId, content: text.slice(0, length) })))
  }

  const sendNewestTexts = () => {
    if (sent < items.length) return
    for (const [messageId, text] of texts) sendText(messageId, text.length)
  }

  const pump = () => {
    while (send && sent < items.length && sent < windowItems && sentBytes < windowBytes) {
      const item = items[sent] as Item
      if (item.messageId !== undefined) sendText(item.messageId, item.textLength)
      sent += 1
      sentBytes += item.frame.length
      send(item.frame)
    }
  }

  const remove = (index: number) => {
    const [item] = items.splice(index, 1)
    if (!item) return
    bytes -= item.frame.length
    if (index < sent) {
      sent -= 1
      sentBytes -= item.frame.length
    }
  }

  const push = (event: SandboxSaying, critical: boolean) => {
    seq += 1
    const frame = JSON.stringify({ ...stamped(event), run, seq, ackId: `${run}:${seq}` })
    const textLength = texts.get(event.messageId ?? '')?.length ?? 0
    items.push({ seq, type: event.type, critical, messageId: event.messageId, textLength, frame })
    bytes += frame.length
  }

  const makeRoom = () => {
    let dropped = false
    while (items.length > maxItems || bytes > maxBytes) {
      const index = items.findIndex(item => !item.critical)
      // The newest event is never the one to go: it may be all there is.
      if (index < 0 || index === items.length - 1) break
      remove(index)
      dropped = true
    }
    if (!dropped) {
      if (items.length < maxItems / 2) dropping = false
      return
    }
    if (dropping) return
    dropping = true
    const message =
      'The connection is too slow for what the agent does: some of its steps are missing here.'
    push({ type: 'warning', scope: 'sync', message }, true)
  }

  return {
    say: event => {
      push(event, CRITICAL.has(event.type))
      makeRoom()
      pump()
    },
    text: (messageId, content) => {
      texts.set(messageId, content)
      if (textTimer) return
      textTimer = true
      options.after(TEXT_EVERY_MS, () => {
        textTimer = false
        sendNewestTexts()
      })
    },
    acked: ackId => {
      const split = ackId.lastIndexOf(':')
      const upTo = Number(ackId.slice(split + 1))
      if (ackId.slice(0, split) !== run || !Number.isSafeInteger(upTo)) return
      // The control plane works strictly in order, so one acknowledgement stands for all before it.
      const done = items.filter(item => item.seq <= upTo)
      if (done.length === 0) return
      items = items.slice(done.length)
      const doneBytes = done.reduce((sum, item) => sum + item.frame.length, 0)
      bytes -= doneBytes
      sent = Math.max(0, sent - done.length)
      sentBytes = sent === 0 ? 0 : Math.max(0, sentBytes - doneBytes)
      for (const item of done) {
        if (item.type === 'execution_complete') texts.delete(item.messageId ?? '')
      }
      pump()
      sendNewestTexts()
      if (items.length > 0) return
      for (const resolve of waiting) resolve()
      waiting = []
    },
    attach: newSend => {
      send = newSend
      sent = 0
      sentBytes = 0
      textsSent = new Map()
      pump()
      sendNewestTexts()
    },
    detach: () => {
      send = undefined
      sent = 0
      sentBytes = 0
    },
    drained: () =>
      items.length === 0
        ? Promise.resolve()
        : new Promise<void>(resolve => {
            waiting.push(resolve)
          }),
    size: () => items.length,
  }
}
