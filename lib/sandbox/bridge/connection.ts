/**
 * The bridge's socket to the control plane: opened again for ever after it closes, with a growing
 * delay, until the control plane says that this sandbox is not wanted any more. A silent peer is
 * found out by protocol pings.
 */
import WebSocket from 'ws'
import { type SandboxFrame, sandboxFrame } from '../../../subjects/frames-sandbox.ts'

/** Answers to the upgrade that no later attempt can change (spec 2.7). */
const FINAL: ReadonlySet<number> = new Set([401, 403, 404, 410])

export type ConnectionTiming = {
  readonly pingEveryMs: number
  readonly pongWithinMs: number
  readonly firstDelayMs: number
  readonly mostDelayMs: number
}

/** Spec 2.7, but the first delays are short: most breaks are a restart that takes a second. */
export const CONNECTION_TIMING: ConnectionTiming = {
  pingEveryMs: 20_000,
  pongWithinMs: 10_000,
  firstDelayMs: 250,
  mostDelayMs: 60_000,
}

const HANDSHAKE_WITHIN_MS = 15_000
/** A socket that lived so long counts as a success: the next delay is the first again. */
const GOOD_AFTER_MS = 5_000

export type ConnectionOptions = {
  /** `http:` or `ws:` address of the control plane. */
  readonly controlPlaneUrl: string
  readonly sid: string
  readonly sandboxId: string
  readonly token: string
  readonly timing?: ConnectionTiming
  readonly onOpen: (send: (frame: string) => void) => void
  readonly onFrame: (frame: SandboxFrame) => void
  readonly onClose: () => void
  /** The control plane wants nothing more of this sandbox. */
  readonly onFinal: (reason: string) => void
  readonly log: (line: string) => void
}

export type Connection = {
  /** Says good-bye and stays closed. */
  close(): void
}

/** Address of a session's sandbox socket; a path in `controlPlaneUrl` is kept in front. */
export const sandboxSocketUrl = (controlPlaneUrl: string, sid: string): string => {
  const url = new URL(controlPlaneUrl)
  url.protocol = url.protocol.replace('http', 'ws')
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/sessions/${encodeURIComponent(sid)}/ws`
  url.search = '?type=sandbox'
  return url.href
}

/** Connects, and stays connected until `close` or a final refusal. */
export const openConnection = (options: ConnectionOptions): Connection => {
  const timing = options.timing ?? CONNECTION_TIMING
  let socket: WebSocket | undefined
  let failures = 0
  let closed = false
  let retry: NodeJS.Timeout | undefined

  const later = () => {
    if (closed) return
    const delayMs = Math.min(timing.firstDelayMs * 2 ** failures, timing.mostDelayMs)
    failures += 1
    retry = setTimeout(open, delayMs * (0.75 + Math.random() / 4))
  }

  const open = () => {
    const current = new WebSocket(sandboxSocketUrl(options.controlPlaneUrl, options.sid), {
      headers: { authorization: `Bearer ${options.token}`, 'x-sandbox-id': options.sandboxId },
      handshakeTimeout: HANDSHAKE_WITHIN_MS,
      maxPayload: 16 * 1024 ** 2,
      perMessageDeflate: false,
    })
    socket = current
    let ping: NodeJS.Timeout | undefined
    let pong: NodeJS.Timeout | undefined
    let good: NodeJS.Timeout | undefined
    let final: string | undefined
    let opened = false

    current.on('open', () => {
      opened = true
      good = setTimeout(() => {
        failures = 0
      }, GOOD_AFTER_MS)
      ping = setInterval(() => {
        current.ping()
        pong ??= setTimeout(() => current.terminate(), timing.pongWithinMs)
      }, timing.pingEveryMs)
      options.onOpen(frame => current.send(frame))
    })
    current.on('pong', () => {
      clearTimeout(pong)
      pong = undefined
    })
    current.on('message', (body, isBinary) => {
      const frame = isBinary ? undefined : parseFrame(String(body))
      if (frame) options.onFrame(frame)
      else options.log('a frame of the control plane was not understood')
    })
    current.on('unexpected-response', (request, response) => {
      const status = response.statusCode ?? 0
      let body = ''
      response.on('data', chunk => {
        if (body.length < 500) body += chunk
      })
      response.on('end', () => {
        options.log(`the control plane answered ${status} ${body.slice(0, 200)}`)
        if (FINAL.has(status)) final = `${status} ${body.slice(0, 200)}`.trim()
        request.destroy()
        current.emit('close', 1006, Buffer.alloc(0))
      })
    })
    current.on('error', error => options.log(`socket: ${error.message}`))
    current.once('close', (code: number, reason: Buffer) => {
      clearInterval(ping)
      clearTimeout(pong)
      clearTimeout(good)
      if (current !== socket) return
      socket = undefined
      if (opened) {
        options.log(`the socket closed: ${code} ${String(reason)}`)
        options.onClose()
      }
      if (final !== undefined && !closed) {
        closed = true
        options.onFinal(final)
      } else later()
    })
  }

  open()
  return {
    close: () => {
      closed = true
      clearTimeout(retry)
      socket?.close(1000, 'Sandbox is done')
    },
  }
}

const parseFrame = (text: string): SandboxFrame | undefined => {
  try {
    const parsed = sandboxFrame.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}
