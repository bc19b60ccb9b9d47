/** How much memory a process uses once its garbage is collected, asked over Node's inspector. */
import { once } from 'node:events'
import process from 'node:process'
import { WebSocket } from 'ws'
import type { System } from '../test/fixtures/system.ts'
import type { Scope } from './scope.ts'

/** For the system's environment: whatever inspector is opened listens on a free port. */
export const INSPECTABLE = { NODE_OPTIONS: '--inspect-port=0' }

/** Bytes in use: what the process holds, without the part of its heap that is free. */
export const bytesInUse = ({ rss, heapTotal, heapUsed }: NodeJS.MemoryUsage): number =>
  rss - heapTotal + heapUsed

/** Opens the edge's inspector; resolves with how to weigh the edge, in bytes. */
export const weighEdge = async (scope: Scope, system: System): Promise<() => Promise<number>> => {
  process.kill(system.process('edge').pid(), 'SIGUSR1')
  const line = await system.logged(/^edge\.0 [\s\S]*Debugger listening on ws:/)
  const socket = new WebSocket(/Debugger listening on (ws:\S+)/.exec(line)?.[1] ?? '')
  scope.teardown(() => socket.terminate())
  await once(socket, 'open')
  let id = 0
  const ask = async (method: string, params: object = {}) => {
    socket.send(JSON.stringify({ id: ++id, method, params }))
    for (;;) {
      const [bytes] = await once(socket, 'message')
      const answer = JSON.parse(String(bytes))
      if (answer.id === id) return answer.result
    }
  }
  return async () => {
    await ask('HeapProfiler.collectGarbage')
    const expression = 'process.memoryUsage()'
    const { result } = await ask('Runtime.evaluate', { expression, returnByValue: true })
    return bytesInUse(result.value)
  }
}
