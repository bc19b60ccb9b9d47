/**
 * One accepted WebSocket. The only place that writes to one: uWebSockets.js crashes the process when
 * a socket is touched after its end, so nobody else holds the native one.
 */

import type { WebSocket } from 'uWebSockets.js'
import { randomUUID } from 'node:crypto'
import { codeOf, ERRORS, type ErrorCode } from '../../subjects/errors.ts'
import type { SandboxFrame } from '../../subjects/frames-sandbox.ts'
import type { ServerFrame } from '../../subjects/frames-server.ts'
import type { Reply } from '../../subjects/replies.ts'

/** The longest reason that fits into a close frame. In bytes. */
const REASON_BYTES = 123

export class Socket {
  /** Unique per accepted socket, over all edges. */
  readonly connectionId = randomUUID()
  #native: WebSocket<unknown> | undefined

  constructor(native: WebSocket<unknown>) {
    this.#native = native
  }

  get isOpen(): boolean {
    return this.#native !== undefined
  }

  /** Sends a frame, or one that is already JSON. Nothing happens once the socket has ended. */
  send(frame: ServerFrame | SandboxFrame | string): void {
    const json = typeof frame === 'string' ? frame : JSON.stringify(frame)
    // As bytes: given a string whose characters are all below U+0100, this uWebSockets.js sends them as
    // Latin-1, and the other side closes for invalid UTF-8.
    this.#native?.send(Buffer.from(json), false)
  }

  /** Runs `write`, whose sends leave in one piece. */
  together(write: () => void): void {
    this.#native?.cork(write)
  }

  /** A WebSocket ping whose pong comes back with the same `payload` (at most 125 bytes). */
  ping(payload: string): void {
    this.#native?.ping(payload)
  }

  follow(topic: string): void {
    this.#native?.subscribe(topic)
  }

  unfollow(topic: string): void {
    this.#native?.unsubscribe(topic)
  }

  /** What was sent and is still in this process because the other side does not take it. */
  bufferedBytes(): number {
    return this.#native?.getBufferedAmount() ?? 0
  }

  /** Ends the socket with a close frame. The server's close callback runs inside this call. */
  close(code: number, reason: string): void {
    const native = this.#native
    this.#native = undefined
    native?.end(code, Buffer.from(reason).subarray(0, REASON_BYTES))
  }

  /** Ends the socket with the close code of an error that has one. */
  closeWith(code: ClosingCode, reason: string = ERRORS[code].text): void {
    this.close(ERRORS[code].close, reason)
  }

  /** Says what went wrong; the socket stays open. */
  sendError(code: ErrorCode, message: string = ERRORS[code].text, clientRequestId?: string): void {
    const id = clientRequestId === undefined ? {} : { clientRequestId }
    this.send({ type: 'error', code, message, ...id })
  }

  /** Says what the owner has refused; the socket stays open. */
  sendRefusal(refused: Extract<Reply, { ok: false }>, clientRequestId?: string): void {
    const { code, message, version } = refused
    const id = clientRequestId === undefined ? {} : { clientRequestId }
    this.send({
      type: 'error',
      code,
      message,
      ...id,
      ...(version === undefined ? {} : { version }),
    })
  }

  /** Says what was thrown, in words for people only when it is an error of ours. */
  sendThrown(error: unknown, clientRequestId?: string): void {
    const code = codeOf(error)
    const message = code ? (error as Error).message : undefined
    this.sendError(code ?? 'INTERNAL', message, clientRequestId)
  }

  /** To be called when the socket has ended, whoever ended it. */
  ended(): void {
    this.#native = undefined
  }
}

/** Codes whose row names a close code. */
export type ClosingCode = {
  [C in ErrorCode]: (typeof ERRORS)[C] extends { readonly close: number } ? C : never
}[ErrorCode]
