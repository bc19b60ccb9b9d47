/** A session with a client, and what tests of its sandbox's socket look for. */
import { type Edges, startEdges } from '../fixtures/edges.ts'
import { type Frame, openSocket, subscribe } from '../fixtures/socket.ts'

export const of =
  (type: string, more: object = {}) =>
  (frame: Frame) =>
    frame.type === type && Object.entries(more).every(([key, value]) => frame[key] === value)
export const event =
  (type: string, more: object = {}) =>
  (frame: Frame) =>
    frame.type === 'sandbox_event' && of(type, more)(frame.event as Frame)
export const stored = (frames: readonly Frame[]) =>
  frames.filter(frame => frame.type === 'sandbox_event' && frame.sequence !== undefined)

type Test = Parameters<typeof openSocket>[0]

export const start = async (t: Test, options?: Parameters<typeof startEdges>[1]) => {
  const edges = await startEdges(t, options)
  const sid = await edges.createSession()
  const client = await subscribe(t, edges.url(), { sid, token: await edges.token(sid) })
  const prompt = (content: string) => {
    const from = client.frames.length
    client.send({ type: 'prompt', content, clientRequestId: content })
    return client.until('prompt_queued', from)
  }
  return { edges, sid, client, prompt }
}
/** Connects a socket without answering pings: what it is sent is never confirmed. */
export const mute = async (t: Test, edges: Edges, sid: string, n = 0) => {
  const { headers } = await edges.sandboxCredentials(sid)
  const socket = await openSocket(t, `${edges.url(n)}/sessions/${sid}/ws?type=sandbox`, headers)
  // ws answers a ping by itself; this one does not.
  Object.assign(socket.socket, { pong: () => {} })
  ;(socket.socket as unknown as { _autoPong: boolean })._autoPong = false
  return socket
}
