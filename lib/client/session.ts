/**
 * A session as a program or a page uses it: a view that is always the newest known, and prompts that
 * are neither lost nor doubled, whatever the connection does meanwhile. When the page dies, what was
 * typed and not answered is in its storage.
 */
import type { ClientFrame } from '../../subjects/frames-client.ts'
import type { ServerFrame, ServerFrameOf } from '../../subjects/frames-server.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Connection, type ConnectionState, openConnection } from './connection.ts'
import { makeEarlier } from './earlier.ts'
import { emptyView, fold, type View } from './fold.ts'
import * as outboxes from './outbox.ts'
import { makeRequests, tooLarge } from './requests.ts'

/** A prompt whose answer takes longer is sent again: its socket may be alive and its answer lost. */
const ANSWER_WITHIN_MS = 20_000
/** After "not just now". */
const AGAIN_MS = 2_000
/** The server asks for a sandbox at most this often anyway. */
const TYPING_EVERY_MS = 5_000

export type SessionOptions = {
  /** The origin, e.g. `http://127.0.0.1:8787`, or those of several edges: any of them will do. */
  readonly url: string | readonly [string, ...string[]]
  readonly sid: string
  /** A token for this session's socket: `POST /sessions/:id/ws-token`. */
  readonly getToken: () => Promise<string>
  /** Called after every change of view, connection or outbox. */
  readonly onChange?: (session: Session) => void
  /** Every frame as it came, after it was folded into the view. */
  readonly onFrame?: (frame: ServerFrame) => void
  /** An error that the server sent and that belongs to no prompt. */
  readonly onError?: (error: { code: string; message: string }) => void
  /** Where unanswered prompts survive a reload. */
  readonly storage?: { get(): string | null; set(text: string): void }
  readonly clientId?: string
  readonly clock?: Clock
  readonly makeSocket?: (url: string) => WebSocket
}

export type Session = {
  readonly view: View
  readonly connection: ConnectionState
  readonly outbox: outboxes.Outbox
  /** Sends a prompt, now or as soon as there is a connection; returns its `clientRequestId`. */
  prompt(content: string): string
  /** Forgets a refused prompt, or sends it once more. */
  discard(clientRequestId: string): void
  retry(clientRequestId: string): void
  /** Stops what runs, or the given message only. False without a connection. */
  stop(messageId?: string): boolean
  /** Somebody types: a sandbox is made ready. Call as often as you like. */
  typing(): void
  presence(status: 'active' | 'idle'): void
  /**
   * Changes of the waiting prompts. `version` is that of the queue as the user saw it (`view.queueVersion`).
   * Each resolves once it is done, and rejects with an `Error` whose `cause.code` says why not:
   * `QUEUE_VERSION_CONFLICT` when somebody else was faster; see also requests.ts.
   */
  cancelPrompt(messageId: string): Promise<void>
  editPrompt(messageId: string, content: string, version: number): Promise<void>
  /** `before: null` puts it at the end. */
  movePrompt(messageId: string, before: string | null, version: number): Promise<void>
  /** Starts nothing more until released. */
  holdQueue(): Promise<void>
  releaseQueue(): Promise<void>
  /** Puts the page before the oldest line into the view. */
  loadEarlier(): Promise<void>
  /** The network may have changed: find out now. */
  nudge(): void
  close(): void
}

const randomId = () => crypto.randomUUID()

/** Opens a session and keeps it open until `close`. */
export const openSession = (options: SessionOptions): Session => {
  const clock = options.clock ?? systemClock
  let view = emptyView
  let state: ConnectionState = { kind: 'connecting' }
  let outbox = outboxes.readOutbox(options.storage?.get() ?? null)
  let subscribedOnce = false
  /** The `sequence` after which a line was last found missing. */
  let missedAfter: number | undefined
  let status: 'active' | 'idle' = 'active'
  let lastTypingMs = Number.NEGATIVE_INFINITY
  /** The prompt that is on its way over the present socket, and the timer that doubts it. */
  let underway: { id: string; cancel: () => void } | undefined

  const changed = () => options.onChange?.(session)
  const setOutbox = (next: outboxes.Outbox) => {
    outbox = next
    options.storage?.set(JSON.stringify(outbox))
  }

  const sendNext = () => {
    if (underway || state.kind !== 'live') return
    const one = outboxes.next(outbox)
    if (!one) return
    const { clientRequestId, content } = one
    const frame = { type: 'prompt', clientRequestId, content } as const
    const refusal = tooLarge(frame)
    if (refusal) return onAnswer(clientRequestId, refusal)
    if (!connection.send(frame)) return
    underway = { id: clientRequestId, cancel: clock.after(ANSWER_WITHIN_MS, sendAgain) }
  }
  const sendAgain = () => {
    underway?.cancel()
    underway = undefined
    sendNext()
  }
  const onAnswer = (clientRequestId: string, refusal?: { code: string; message: string }) => {
    const mine = underway?.id === clientRequestId
    if (refusal && outboxes.isPassing(refusal.code)) {
      if (!mine || !underway) return
      underway.cancel()
      underway.cancel = clock.after(AGAIN_MS, sendAgain)
      return
    }
    setOutbox(
      refusal
        ? outboxes.refused(outbox, clientRequestId, refusal)
        : outboxes.without(outbox, clientRequestId),
    )
    if (mine) sendAgain()
    else sendNext()
  }

  const onError = (frame: ServerFrameOf<'error'>) => {
    const { clientRequestId } = frame
    if (clientRequestId === undefined) {
      if (!earlier.refused(frame)) options.onError?.(frame)
    } else if (!requests.answered(clientRequestId, frame)) {
      onAnswer(clientRequestId, frame)
    }
  }

  const onFrame = (frame: ServerFrame): boolean => {
    const next = fold(view, frame)
    if (!next) {
      // Missing the same line a second time: what is held cannot be completed, so begin anew.
      if (missedAfter === view.sequence) subscribedOnce = false
      missedAfter = view.sequence
      return false
    }
    view = next
    if (frame.type === 'subscribed') subscribedOnce = true
    if (frame.type === 'prompt_queued' && frame.clientRequestId) onAnswer(frame.clientRequestId)
    if (frame.type === 'prompt_cancelled' || frame.type === 'queue_changed') {
      requests.answered(frame.clientRequestId)
    }
    if (frame.type === 'history_page') earlier.loaded()
    if (frame.type === 'error') onError(frame)
    options.onFrame?.(frame)
    changed()
    return true
  }

  const onState = (next: ConnectionState) => {
    state = next
    // Whatever was on its way over another socket is sent again over this one, under the same id.
    underway?.cancel()
    underway = undefined
    if (next.kind === 'ended') requests.end()
    if (next.kind !== 'live') earlier.lost()
    if (next.kind === 'live') {
      if (status === 'idle') connection.send({ type: 'presence', status })
      requests.resend()
      sendNext()
    }
    changed()
  }

  const send = (frame: ClientFrame): boolean => connection.send(frame)
  const requests = makeRequests({ clock, send })
  const earlier = makeEarlier({ clock, send })

  const session: Session = {
    get view() {
      return view
    },
    get connection() {
      return state
    },
    get outbox() {
      return outbox
    },
    prompt: content => {
      const clientRequestId = randomId()
      setOutbox(outboxes.withPrompt(outbox, clientRequestId, content))
      sendNext()
      changed()
      return clientRequestId
    },
    discard: clientRequestId => {
      setOutbox(outboxes.without(outbox, clientRequestId))
      changed()
    },
    retry: clientRequestId => {
      const one = outbox.find(prompt => prompt.clientRequestId === clientRequestId)
      if (!one) return
      // To the end, and under the same id: it was refused, so it has had no effect.
      const others = outboxes.without(outbox, clientRequestId)
      setOutbox(outboxes.withPrompt(others, clientRequestId, one.content))
      sendNext()
      changed()
    },
    stop: messageId =>
      connection.send({
        type: 'stop',
        clientRequestId: randomId(),
        ...(messageId ? { messageId } : {}),
      }),
    typing: () => {
      const nowMs = clock.nowMs()
      if (nowMs - lastTypingMs < TYPING_EVERY_MS) return
      if (connection.send({ type: 'typing' })) lastTypingMs = nowMs
    },
    presence: next => {
      if (next === status) return
      status = next
      connection.send({ type: 'presence', status })
    },
    cancelPrompt: messageId =>
      requests.ask({ type: 'cancel_prompt', messageId, clientRequestId: randomId() }),
    editPrompt: (messageId, content, version) =>
      requests.ask({
        type: 'edit_prompt',
        messageId,
        content,
        version,
        clientRequestId: randomId(),
      }),
    movePrompt: (messageId, before, version) =>
      requests.ask({
        type: 'move_prompt',
        messageId,
        before,
        version,
        clientRequestId: randomId(),
      }),
    holdQueue: () => requests.ask({ type: 'hold_queue', clientRequestId: randomId() }),
    releaseQueue: () => requests.ask({ type: 'release_queue', clientRequestId: randomId() }),
    loadEarlier: () => earlier.load(view.cursor),
    nudge: () => connection.nudge(),
    close: () => {
      underway?.cancel()
      connection.close('closed')
    },
  }
  const socketUrl = (origin: string) =>
    `${origin.replace(/^http/, 'ws')}/sessions/${encodeURIComponent(options.sid)}/ws`
  const [first, ...others] =
    typeof options.url === 'string' ? ([options.url] as const) : options.url
  const connection: Connection = openConnection({
    urls: [socketUrl(first), ...others.map(socketUrl)],
    getToken: options.getToken,
    clientId: options.clientId ?? randomId(),
    after: () => (subscribedOnce ? view.sequence : undefined),
    onFrame,
    onState,
    clock,
    ...(options.makeSocket ? { makeSocket: options.makeSocket } : {}),
  })
  return session
}
