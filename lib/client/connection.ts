/**
 * One session's socket that does not give up: it connects, subscribes from where the caller is, and
 * does so again after every break. It notices a socket that is open but dead. It knows frames, but
 * not what they mean: that is fold.ts.
 */

import type { ClientFrame } from '../../subjects/frames-client.ts'
import { type ServerFrame, serverFrame } from '../../subjects/frames-server.ts'
import type { Clock } from './clock.ts'
import { statusOf } from './rest.ts'
import { closeMeaning, retryDelayMs } from './retry.ts'

const PING_EVERY_MS = 30_000
/** Any frame counts as an answer; without one the socket is dead, whatever it says of itself. */
const ANSWER_WITHIN_MS = 10_000
/**
 * A connection that lived shorter does not count as a success: the server may be flapping. Not longer than
 * it takes, or the clients of edges that die one after the other wait ever more for the next.
 */
const HEALTHY_AFTER_MS = 2_000
/** After so many failures in a row the token is fetched anew: perhaps there is no session any more. */
const DOUBT_AFTER = 6

export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'waiting'; readonly retryAtMs: number }
  /** For good: signed out, no such session, or closed by the caller. */
  | { readonly kind: 'ended'; readonly reason: string }

export type ConnectionOptions = {
  /** `ws://host/sessions/<sid>/ws`; of several edges one after the other is tried. */
  readonly urls: readonly [string, ...string[]]
  /** Fetches a token. What it throws with HTTP status 401, 403 or 404 is final. */
  readonly getToken: () => Promise<string>
  readonly clientId: string
  /** The last `sequence` held; undefined for the first time. */
  readonly after: () => number | undefined
  /** Returns false when something is missing before the frame: then the socket is made again. */
  readonly onFrame: (frame: ServerFrame) => boolean
  readonly onState: (state: ConnectionState) => void
  readonly clock: Clock
  readonly makeSocket?: (url: string) => WebSocket
}

export type Connection = {
  /** Sends a frame if subscribed; false when it could not. */
  send(frame: ClientFrame): boolean
  /** The network may have changed, or the page woken up: find out now. */
  nudge(): void
  close(reason: string): void
}

const KNOWN: ReadonlySet<unknown> = new Set(
  serverFrame.options.map(option => option.shape.type.value),
)

/** A frame; `undefined` for a type of a newer server; throws for what is no frame at all. */
const parseFrame = (text: unknown): ServerFrame | undefined => {
  const value = JSON.parse(String(text))
  return KNOWN.has(value?.type) ? serverFrame.parse(value) : undefined
}

const FINAL: ReadonlySet<unknown> = new Set([401, 403, 404])

export const openConnection = (options: ConnectionOptions): Connection => {
  const { clock } = options
  let token: string | undefined
  let renewed = false
  let failures = 0
  // Everybody begins somewhere else, and after a break goes on to the next.
  let edge = options.urls.length > 1 ? Math.floor(clock.random() * options.urls.length) : 0
  let ended = false
  let drop: ((code: number, reason: string) => void) | undefined
  let liveSocket: WebSocket | undefined
  let cancelRetry: (() => void) | undefined
  let check = () => {}

  const end = (reason: string) => {
    ended = true
    cancelRetry?.()
    options.onState({ kind: 'ended', reason })
  }

  const retryLater = () => {
    if (ended) return
    edge++
    const delayMs = retryDelayMs(failures++, clock.random())
    if (failures >= DOUBT_AFTER) token = undefined
    options.onState({ kind: 'waiting', retryAtMs: clock.nowMs() + delayMs })
    cancelRetry = clock.after(delayMs, () => void connect())
  }

  const connect = async () => {
    cancelRetry?.()
    cancelRetry = undefined
    options.onState({ kind: 'connecting' })
    try {
      renewed = token === undefined
      token ??= await options.getToken()
    } catch (error) {
      if (ended) return
      if (FINAL.has(statusOf(error))) return end((error as Error).message)
      return retryLater()
    }
    if (!ended) openSocket(token)
  }

  const openSocket = (currentToken: string) => {
    const { urls, makeSocket = url => new WebSocket(url) } = options
    const socket = makeSocket(urls[edge % urls.length] ?? urls[0])
    const timers = new Set<() => void>()
    let over = false
    let liveSinceMs: number | undefined
    let expected: (() => void) | undefined

    const later = (ms: number, act: () => void) => {
      const cancel = clock.after(ms, () => {
        timers.delete(cancel)
        act()
      })
      timers.add(cancel)
      return cancel
    }
    /** Something has to come within some time, or the socket counts as dead. */
    const expectAnswer = () => {
      expected ??= later(ANSWER_WITHIN_MS, () => finish(1006, ''))
    }
    const answered = () => {
      if (expected) timers.delete(expected)
      expected?.()
      expected = undefined
    }
    const send = (frame: ClientFrame) => socket.send(JSON.stringify(frame))
    const ping = () => {
      send({ type: 'ping' })
      expectAnswer()
    }
    const pingAgain = () =>
      later(PING_EVERY_MS, () => {
        ping()
        pingAgain()
      })

    /** The socket is over, whether it knows that already or not. */
    const finish = (code: number, reason: string) => {
      if (over) return
      over = true
      for (const cancel of timers) cancel()
      liveSocket = undefined
      drop = undefined
      check = () => {}
      const lived = liveSinceMs === undefined ? 0 : clock.nowMs() - liveSinceMs
      if (lived >= HEALTHY_AFTER_MS) failures = 0
      // Only codes from 3000 on may be said by a client.
      if (code >= 3000 && code < 5000) socket.close(code, reason)
      else socket.close()
      if (ended) return
      const meaning = closeMeaning(code, renewed, reason)
      if (meaning === 'give_up') return end(reason || 'The session refuses to let you in')
      if (meaning === 'renew_token') token = undefined
      retryLater()
    }
    drop = finish

    socket.onopen = () => {
      if (over) return socket.close()
      send({
        type: 'subscribe',
        token: currentToken,
        clientId: options.clientId,
        after: options.after() ?? null,
      })
      expectAnswer()
    }
    socket.onclose = event => finish(event.code, event.reason)
    socket.onerror = () => {}
    socket.onmessage = event => {
      if (over) return
      answered()
      let frame: ServerFrame | undefined
      try {
        frame = parseFrame(event.data)
      } catch {
        return finish(4004, 'Invalid server message')
      }
      if (!frame) return
      if (!options.onFrame(frame)) return finish(4004, 'Missing events')
      if (frame.type === 'subscribed') {
        liveSinceMs = clock.nowMs()
        liveSocket = socket
        check = ping
        pingAgain()
        options.onState({ kind: 'live' })
      }
    }
    // An upgrade that nobody answers.
    expectAnswer()
  }

  void connect()
  return {
    send: frame => {
      if (liveSocket?.readyState !== 1) return false
      liveSocket.send(JSON.stringify(frame))
      return true
    },
    nudge: () => {
      if (cancelRetry) void connect()
      else check()
    },
    close: reason => {
      if (ended) return
      end(reason)
      drop?.(1000, '')
    },
  }
}
