/**
 * Forwards WebSockets to an edge, so that one origin serves everything in development: a pipe of raw
 * bytes between two TCP sockets, which understands nothing of what passes and adds nothing to it.
 * A deployment with a load balancer sends `/sessions/:id/ws` to the edges itself.
 */
import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

const PATH = /^\/sessions\/[^/?]+\/ws(\?|$)/

/** The request as it came, for it was already read off the socket. */
const requestHead = ({ method, url, httpVersion, rawHeaders }: IncomingMessage): string => {
  let head = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) {
    head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`
  }
  return `${head}\r\n`
}

/** Answers an upgrade as plain HTTP, and closes. */
const refuse = (socket: Duplex, status: string, body: string, headers = ''): void => {
  // Read on, or the client's end of the connection would never be seen.
  socket.resume()
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: text/plain; charset=utf-8\r\naccess-control-allow-origin: *\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n${headers}\r\n${body}`,
  )
}

/** Ends one side when the other ends, however that comes about. */
const tie = (a: Duplex, b: Duplex): void => {
  a.on('error', () => b.destroy())
  a.on('close', () => b.destroy())
  a.pipe(b)
}

/** Connects to the first port that takes it; undefined when none does. */
const connectToOne = async (
  host: string,
  ports: readonly number[],
): Promise<Socket | undefined> => {
  for (const port of ports) {
    const socket = connect({ host, port, noDelay: true, keepAlive: true })
    try {
      await once(socket, 'connect')
      return socket
    } catch {
      // This edge is not there just now: the next one is as good.
    }
  }
  return undefined
}

/**
 * Takes over the upgrades of `server`. Edges take turns; one that does not answer is passed over.
 *
 * @returns ends all pipes; their clients connect again elsewhere
 */
export const forwardUpgrades = (
  server: Server,
  edges: { readonly host: string; readonly ports: readonly number[] },
): { close(): void } => {
  const open = new Set<Duplex>()
  let turn = 0
  const inTurn = () => {
    const first = turn++ % edges.ports.length
    return [...edges.ports.slice(first), ...edges.ports.slice(0, first)]
  }
  server.on('upgrade', (request: IncomingMessage, client: Duplex, early: Buffer) => {
    client.on('error', () => {})
    if (!PATH.test(request.url ?? '')) {
      return refuse(client, '400 Bad Request', 'Invalid WebSocket path')
    }
    open.add(client)
    client.on('close', () => open.delete(client))
    // Both sockets are quiet for as long as their people are: neither may be closed for that.
    const socket = client as Socket
    socket.setTimeout(0)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    void connectToOne(edges.host, inTurn()).then(upstream => {
      if (!upstream) {
        refuse(client, '503 Service Unavailable', 'No edge answers just now', 'retry-after: 2\r\n')
        return
      }
      // The client may have gone meanwhile.
      if (client.destroyed) return void upstream.destroy()
      upstream.write(requestHead(request))
      if (early.length > 0) upstream.write(early)
      tie(client, upstream)
      tie(upstream, client)
    })
  })
  return {
    close: () => {
      for (const client of open) client.destroy()
    },
  }
}
