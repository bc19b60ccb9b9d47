/** What a socket that does nothing costs its edge. */
import { residentBytes, startChild } from './child.ts'
import type { RawSays, RawTask } from './raw-server.ts'
import type { ReceiversSay, ReceiversTask } from './receivers.ts'
import type { Figure, Sizes } from './report.ts'
import type { Scope } from './scope.ts'
import type { Stage } from './stage.ts'

const SESSIONS = 20

export const benchIdleMemory =
  (stage: Stage) =>
  async (scope: Scope, { quick }: Sizes) => {
    const perSession = quick ? 100 : 250
    const sockets = perSession * SESSIONS
    const receivers = startChild<ReceiversTask, ReceiversSay>(scope, 'receivers.ts')
    const connect = async (url: string, count: number, first: string | null) => {
      receivers.tell({ type: 'connect', count, url, first })
      await receivers.says('connected')
    }

    const edge = stage.system.process('edge').pid()
    const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => stage.session()))
    const before = residentBytes(edge)
    for (const { url, token } of sessions) {
      const subscribe = JSON.stringify({ type: 'subscribe', token, clientId: 'bench' })
      await connect(url, perSession, subscribe)
    }
    const ours = residentBytes(edge) - before

    const raw = startChild<RawTask, RawSays>(scope, 'raw-server.ts', {
      NATS_URL: stage.system.nats.url,
    })
    const { port } = await raw.says('listening')
    await connect(`ws://127.0.0.1:${port}/`, 1, null)
    const rawBefore = residentBytes(raw.pid)
    await connect(`ws://127.0.0.1:${port}/`, sockets, null)
    const figure: Figure = {
      name: `memory an idle socket, ${sockets} subscribed to ${SESSIONS} sessions`,
      unit: 'KB',
      ours: ours / sockets / 1024,
      raw: (residentBytes(raw.pid) - rawBefore) / sockets / 1024,
      rawIs: 'uWebSockets.js, subscribed to one topic',
    }
    return [figure]
  }
