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
    const perSession = quick ? 50 : 200
    const sockets = perSession * SESSIONS
    const receivers = startChild<ReceiversTask, ReceiversSay>(scope, 'receivers.ts')
    const connect = async (url: string, count: number, first: string | null) => {
      receivers.tell({ type: 'connect', count, url, first })
      await receivers.says('connected')
    }
    /** KB a socket, of the second of two equal rounds: the first pays for what is there once. */
    const measure = async (pid: number, round: () => Promise<void>): Promise<number> => {
      await round()
      const before = residentBytes(pid)
      await round()
      return (residentBytes(pid) - before) / sockets / 1024
    }

    const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => stage.session()))
    const ours = await measure(stage.system.process('edge').pid(), async () => {
      for (const { url, token } of sessions) {
        const subscribe = JSON.stringify({ type: 'subscribe', token, clientId: 'bench' })
        await connect(url, perSession, subscribe)
      }
    })
    const server = startChild<RawTask, RawSays>(scope, 'raw-server.ts', {
      NATS_URL: stage.system.nats.url,
    })
    const { port } = await server.says('listening')
    const raw = await measure(server.pid, () => connect(`ws://127.0.0.1:${port}/`, sockets, null))
    const figure: Figure = {
      name: `memory an idle socket, ${sockets} more in ${SESSIONS} sessions`,
      unit: 'KB',
      ours,
      raw,
      rawIs: 'uWebSockets.js, subscribed to one topic',
    }
    return [figure]
  }
