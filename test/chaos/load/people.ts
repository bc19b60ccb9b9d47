/**
 * People: the SDK on several edges, a prompt now and then, and an eye on every line that comes. Sockets
 * break under them; what they see must go on where it was.
 */
import { openSession, type Session } from '../../../lib/client/session.ts'
import type { Ledger, Sent } from '../ledger.ts'
import type { Random } from '../random.ts'
import { makeWitness, type Witness } from '../witness.ts'
import type { World } from '../world.ts'
import { type Pace, think } from './pace.ts'
import { post } from './rest.ts'
import { contentOf } from './words.ts'

/** The SDK's own word for "a line is missing". */
const MISSING_EVENTS = 4004

export type Watcher = {
  readonly sid: string
  readonly name: string
  readonly witness: Witness
  readonly session: Session
  /** Resolves once the last prompt is answered. */
  readonly done: Promise<void>
}

export const startPerson = (
  world: World,
  ledger: Ledger,
  { sid, name, pace, random }: { sid: string; name: string; pace: Pace; random: Random },
): Watcher => {
  const witness = makeWitness(wrong => ledger.wrongs.push(`${name}: ${wrong}`))
  const underway = new Map<string, { sent: Sent; done: () => void }>()
  let lostAtMs: number | undefined
  let wasLive = false

  const makeSocket = (url: string) => {
    const socket = new WebSocket(url)
    const close = socket.close.bind(socket)
    socket.close = (code, reason) => {
      if (code === MISSING_EVENTS) ledger.wrongs.push(`${name}: ${reason} from ${url}`)
      close(code, reason)
    }
    return socket
  }
  const session = openSession({
    url: world.edges,
    sid,
    clientId: name,
    getToken: async () =>
      (await post(world, `/sessions/${sid}/ws-token`, { userId: name })).token as string,
    makeSocket,
    onFrame: frame => {
      witness.see(frame)
      if (frame.type !== 'prompt_queued' || !frame.clientRequestId) return
      const one = underway.get(frame.clientRequestId)
      if (!one) return
      one.sent.acceptedAtMs = world.nowMs()
      one.sent.messageId = frame.messageId
      one.done()
    },
    onChange: ({ connection, outbox }) => {
      for (const { clientRequestId, refusal } of outbox) {
        if (!refusal || !underway.has(clientRequestId)) continue
        ledger.wrongs.push(`${name}: refused, ${refusal.code}`)
        underway.get(clientRequestId)?.done()
      }
      const isLive = connection.kind === 'live'
      if (wasLive && !isLive) lostAtMs = world.nowMs()
      if (isLive && lostAtMs !== undefined) {
        ledger.outages.push({ atMs: lostAtMs, forMs: world.nowMs() - lostAtMs })
        lostAtMs = undefined
      }
      if (connection.kind === 'ended' && connection.reason !== 'closed') {
        ledger.wrongs.push(`${name}: gave up, ${connection.reason}`)
      }
      wasLive = isLive
    },
  })

  const live = async () => {
    while (await think(pace, random)) {
      const answered = Promise.withResolvers<void>()
      const atMs = world.nowMs()
      const id = session.prompt(contentOf(name, random))
      const sent: Sent = { sid, id, way: 'client', sender: name, atMs }
      ledger.sent.push(sent)
      underway.set(id, { sent, done: answered.resolve })
      await answered.promise
      underway.delete(id)
    }
  }
  return { sid, name, witness, session, done: live() }
}
