/** How much memory a process holds once its garbage is collected. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Role } from '../test/fixtures/child-process.ts'
import type { System } from '../test/fixtures/system.ts'
import { inspect } from './profile.ts'
import type { Scope } from './scope.ts'

/** For the system's environment: whatever inspector is opened listens on a free port. */
export const INSPECTABLE = { NODE_OPTIONS: '--inspect-port=0' }

/**
 * Bytes that nobody else shares and no file backs, in memory or swapped out. (Linux; elsewhere what
 * is resident.) The resident size alone also shrinks when the kernel takes idle pages away.
 */
export const bytesHeld = (pid: number): number => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kilobytes = [...status.matchAll(/^(?:RssAnon|VmSwap):\s+(\d+) kB/gm)]
    return kilobytes.reduce((sum, [, found]) => sum + Number(found) * 1024, 0)
  } catch {
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) * 1024
  }
}

/** Opens the edge's inspector; resolves with how to weigh the edge, in bytes. */
export const weighEdge = async (scope: Scope, system: System): Promise<() => Promise<number>> => {
  const weigh = await weighProcess(scope, system, 'edge')
  return async () => (await weigh()).held
}

/** In bytes: what the process holds, and what of it are objects that are in use. */
export type Weight = { readonly held: number; readonly used: number }

/** Opens a process' inspector; resolves with how to weigh it. */
export const weighProcess = async (
  scope: Scope,
  system: System,
  role: Role,
): Promise<() => Promise<Weight>> => {
  const pid = system.process(role).pid()
  const call = await inspect(scope, system, role)
  return async () => {
    await call('HeapProfiler.collectGarbage')
    const { usedSize } = (await call('Runtime.getHeapUsage')) as { usedSize: number }
    return { held: bytesHeld(pid), used: usedSize }
  }
}
