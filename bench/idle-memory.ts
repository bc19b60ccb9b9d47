/** What a socket that does nothing costs its edge. */
import { startChild } from './child.ts'
import { weighEdge } from './memory.ts'
import type { RawSays, RawTask } from './raw-server.ts'
import type { ReceiversSay, ReceiversTask } from './receivers.ts'
import type { Figure, Sizes } from './report.ts'
import type { Scope } from './scope.ts'
import type { Stage } from './stage.ts'

const SESSIONS = 20
/** A bare socket is so small that more of them are needed to weigh one. */
const RAW_TIMES = 3

export const benchIdleMemory =
  (stage: Stage) =>
  async (scope: Scope, { quick }: Sizes) => {
    const perSession = quick ? 75 : 200
    const sockets = perSession * SESSIONS
    const receivers = startChild<ReceiversTask, ReceiversSay>(scope, 'receivers.ts')
    const connect = async (url: string, count: number, first: string | null) => {
      receivers.tell({ type: 'connect', count, url, first })
      await receivers.says('connected')
    }
    const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => stage.session()))
    const round = async () => {
      for (const { url, token } of sessions) {
        const subscribe = JSON.stringify({ type: 'subscribe', token, clientId: 'bench' })
        await connect(url, perSession, subscribe)
      }
    }
    const weigh = await weighEdge(scope, stage.system)
    // The first sockets pay for what is there once.
    await round()
    const before = await weigh()
    await round()
    const ours = (await weigh()) - before

    const server = startChild<RawTask, RawSays>(scope, 'raw-server.ts', {
      NATS_URL: stage.system.nats.url,
    })
    const { port } = await server.says('listening')
    await connect(`ws://127.0.0.1:${port}/`, 10, null)
    const weighRaw = async () => {
      server.tell({ type: 'weigh' })
      return (await server.says('weighed')).bytes
    }
    const rawBefore = await weighRaw()
    await connect(`ws://127.0.0.1:${port}/`, sockets * RAW_TIMES, null)
    const raw = (await weighRaw()) - rawBefore
    const figure: Figure = {
      name: `memory an idle socket, ${sockets} more in ${SESSIONS} sessions`,
      unit: 'KB',
      ours: ours / sockets / 1024,
      raw: raw / sockets / RAW_TIMES / 1024,
      rawIs: 'uWebSockets.js, subscribed to one topic',
    }
    return [figure]
  }
