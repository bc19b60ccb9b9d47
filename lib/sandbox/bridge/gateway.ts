/**
 * What the agent may ask of the control plane, and nothing else: a token for git, and a pull request. The
 * programs on the agent's path ask here, on loopback, under a key of this bridge's life; the sandbox's own
 * token stays in the bridge.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'

export type Gateway = {
  /** Where the programs ask, with the key in it. */
  readonly url: string
  /** As a rule of isolation names it. */
  readonly host: string
  close(): void
}

type Answer = { readonly status: number; readonly body: string }

const MOST_BYTES = 512 * 1024
const RETRY_MS = 1_000
/** As long as a control plane that restarts may be away. */
const ATTEMPTS = 30

/** What the programs may ask, and where that is at the control plane. */
const ROUTES: Readonly<Record<string, string>> = {
  'POST /credentials': 'scm-credentials',
  'POST /pull-request': 'pr',
}

const textOf = async (stream: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) throw new Error('too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** A pull request takes minutes, longer than `fetch` waits for an answer. */
const post = async (
  url: URL,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<Answer> => {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const asked = send(url, { method: 'POST', headers, signal })
  asked.end(body)
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 502, body: await textOf(answer) }
}

/** @param options.sid the session for which is asked, whatever the agent says */
export const openGateway = async (options: {
  readonly controlPlaneUrl: string
  readonly sid: string
  readonly token: string
}): Promise<Gateway> => {
  const key = randomBytes(24).toString('hex')
  const ended = new AbortController()
  const base = `${options.controlPlaneUrl.replace(/\/+$/, '')}/sessions/${options.sid}`

  /** Asks until there is an answer; under one key, so that asking twice is asking once. */
  const forward = async (path: string, body: string): Promise<Answer> => {
    const headers = {
      authorization: `Bearer ${options.token}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    }
    for (let attempt = 1; ; attempt += 1) {
      const answer = await post(new URL(`${base}/${path}`), headers, body, ended.signal).catch(
        (error: Error): Answer => ({
          status: 503,
          body: JSON.stringify({ error: `The control plane cannot be reached: ${error.message}` }),
        }),
      )
      if (answer.status !== 503 || attempt >= ATTEMPTS || ended.signal.aborted) return answer
      await new Promise(resolve => setTimeout(resolve, RETRY_MS))
    }
  }

  const server = createServer(async (request, response) => {
    const route = ROUTES[`${request.method} ${request.url?.replace(`/${key}`, '')}`]
    const isOurs = request.url?.startsWith(`/${key}/`) === true
    const answer =
      route && isOurs
        ? await textOf(request).then(
            body => forward(route, body || '{}'),
            (): Answer => ({ status: 413, body: '{"error":"The request is too large"}' }),
          )
        : { status: 404, body: '{"error":"Not found"}' }
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'cache-control': 'no-store',
    })
    response.end(answer.body)
  })
  server.requestTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}/${key}`,
    host,
    close: () => {
      ended.abort()
      server.closeAllConnections()
      server.close()
    },
  }
}
