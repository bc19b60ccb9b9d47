/** What a process takes of a processor, and which functions take it. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { WebSocket } from 'ws'
import type { Role } from '../test/fixtures/child-process.ts'
import type { System } from '../test/fixtures/system.ts'
import type { Scope } from './scope.ts'

/** Of user and system, in ticks of 10 ms. (Linux) */
export const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

export type Call = (method: string, params?: object) => Promise<unknown>

/** Opens a process' inspector; resolves with how to call it. */
export const inspect = async (scope: Scope, system: System, role: Role, n = 0): Promise<Call> => {
  const said = new RegExp(`^${role}\\.${n} [\\s\\S]*Debugger listening on (ws:\\S+)`)
  process.kill(system.process(role, n).pid(), 'SIGUSR1')
  const socket = new WebSocket(said.exec(await system.logged(said))?.[1] ?? '')
  scope.teardown(() => socket.terminate())
  await once(socket, 'open')
  let last = 0
  return async (method, params = {}) => {
    const id = ++last
    socket.send(JSON.stringify({ id, method, params }))
    for (;;) {
      const [bytes] = await once(socket, 'message')
      const answer = JSON.parse(String(bytes))
      if (answer.id === id) return answer.result
    }
  }
}

type ProfileNode = {
  readonly id: number
  readonly callFrame: { functionName: string; url: string; lineNumber: number }
  readonly children?: readonly number[]
}
type Profile = {
  readonly nodes: readonly [ProfileNode, ...ProfileNode[]]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const nameOf = ({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string => {
  const file = url.replace(/.*\/(node_modules|control-plane|lib|subjects)\//, '$1/')
  return `${functionName || '(anonymous)'} ${file.replace('node_modules/', '')}:${lineNumber + 1}`
}

/** Samples the process until the returned function is called, which resolves with lines for people. */
export const startProfile = async (call: Call, most: number): Promise<() => Promise<string[]>> => {
  await call('Profiler.enable')
  await call('Profiler.setSamplingInterval', { interval: 500 })
  await call('Profiler.start')
  return async () => {
    const { profile } = (await call('Profiler.stop')) as { profile: Profile }
    return linesOf(profile, most)
  }
}

const linesOf = ({ nodes, samples, timeDeltas }: Profile, most: number): string[] => {
  const byId = new Map(nodes.map(node => [node.id, node]))
  const ownUs = new Map<number, number>()
  for (const [n, id] of samples.entries())
    ownUs.set(id, (ownUs.get(id) ?? 0) + (timeDeltas[n] ?? 0))
  const self = new Map<string, number>()
  const withCalls = new Map<string, number>()
  const add = (to: Map<string, number>, name: string, us: number) =>
    to.set(name, (to.get(name) ?? 0) + us)
  const walk = (node: ProfileNode, above: ReadonlySet<string>): number => {
    const name = nameOf(node)
    const own = ownUs.get(node.id) ?? 0
    add(self, name, own)
    const inside = new Set([...above, name])
    const children = (node.children ?? []).flatMap(id => byId.get(id) ?? [])
    const us = children.reduce((sum, child) => sum + walk(child, inside), own)
    if (!above.has(name)) add(withCalls, name, us)
    return us
  }
  const totalUs = walk(nodes[0], new Set())
  const idleUs = [...self].find(([name]) => name.startsWith('(idle)'))?.[1] ?? 0
  const busyUs = totalUs - idleUs
  const show = (from: Map<string, number>, count: number) =>
    [...from]
      .filter(([name]) => !/^\((idle|root)\)/.test(name))
      .sort(([, a], [, b]) => b - a)
      .slice(0, count)
      .map(([name, us]) => `  ${((us / busyUs) * 100).toFixed(1).padStart(5)} %  ${name}`)
  return [
    `busy ${((busyUs / totalUs) * 100).toFixed(0)} % of ${(totalUs / 1000).toFixed(0)} ms`,
    ' by itself',
    ...show(self, most),
    ' with what it calls, as far as it is not awaited',
    ...show(withCalls, most),
  ]
}
