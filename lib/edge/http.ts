/** The few plain answers of an edge. Every one allows any origin to read it. */

import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js'
import { STATUS_CODES } from 'node:http'
import type { Doorman } from './doorman.ts'

const ORIGIN = ['Access-Control-Allow-Origin', '*'] as const

/**
 * Answers with a text and ends the request; with `last`, the connection too. To be called inside
 * `cork` after an await.
 */
export const answer = (
  res: HttpResponse,
  status: number,
  body: string,
  { type = 'text/plain; charset=utf-8', last = false } = {},
): void => {
  res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`)
  res.writeHeader(...ORIGIN).writeHeader('Content-Type', type)
  if (status === 503) res.writeHeader('Retry-After', '1')
  if (last) res.writeHeader('Connection', 'close')
  res.end(body, last)
}

/** Answers the question of a browser whether it may ask from another origin. */
export const answerPreflight = (res: HttpResponse): void => {
  res.writeStatus('200 OK').writeHeader(...ORIGIN)
  res.writeHeader('Access-Control-Allow-Methods', 'GET, POST, PUT, PATCH, DELETE, OPTIONS')
  res.writeHeader('Access-Control-Allow-Headers', 'Content-Type, Authorization')
  res.writeHeader('Access-Control-Max-Age', '86400').end()
}

/** An upgrade that is decided later: what of the request must outlive its callback. */
export type PendingUpgrade = {
  /** False once the other side has gone. */
  isWanted(): boolean
  /** Makes it a WebSocket; its `open` callback runs inside this call. Only while wanted. */
  accept(userData: object): void
  /** Answers with a status instead. */
  refuse(status: number, body: string): void
}

/**
 * Copies what is needed of the request, which may not be touched after the callback.
 * @param under see doorman.ts: no upgrade may be made under the cork of its own request
 */
export const holdUpgrade = (
  res: HttpResponse,
  req: HttpRequest,
  context: us_socket_context_t,
  under: Doorman['under'],
): PendingUpgrade => {
  const key = req.getHeader('sec-websocket-key')
  const protocol = req.getHeader('sec-websocket-protocol')
  const extensions = req.getHeader('sec-websocket-extensions')
  let wanted = true
  res.onAborted(() => {
    wanted = false
  })
  const once = (write: () => void) => {
    if (!wanted) return
    wanted = false
    res.cork(write)
  }
  return {
    isWanted: () => wanted,
    accept: userData =>
      under(() =>
        once(() => {
          res.writeStatus('101 Switching Protocols').writeHeader(...ORIGIN)
          res.upgrade(userData, key, protocol, extensions, context)
        }),
      ),
    // Nothing can follow on this connection: whoever reads to its end need not wait for a timeout.
    refuse: (status, body) => once(() => answer(res, status, body, { last: true })),
  }
}
