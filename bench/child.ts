/** A helper process of the bench, spoken to by messages, with its memory. */
import { execFileSync, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import type { Scope } from './scope.ts'

export type Child<Task, Says extends { type: string }> = {
  readonly pid: number
  tell(task: Task): void
  /** The next message of that type; messages of a type that nobody awaits are kept. */
  says<T extends Says['type']>(type: T): Promise<Extract<Says, { type: T }>>
}

/** Starts `bench/<file>`; it ends with the scope. */
export const startChild = <Task extends object, Says extends { type: string }>(
  scope: Scope,
  file: string,
  env: Readonly<Record<string, string>> = {},
): Child<Task, Says> => {
  const child = fork(new URL(file, import.meta.url), { env: { ...process.env, ...env } })
  const kept: Says[] = []
  const waiting: { type: string; resolve: (says: never) => void }[] = []
  child.on('message', (says: Says) => {
    const at = waiting.findIndex(one => one.type === says.type)
    if (at < 0) kept.push(says)
    else waiting.splice(at, 1)[0]?.resolve(says as never)
  })
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', code => reject(new Error(`${file} ended with ${code}`)))
  })
  ended.catch(() => {})
  scope.teardown(() => {
    child.kill()
  })
  return {
    pid: child.pid ?? 0,
    tell: task => void child.send(task),
    says: type => {
      const at = kept.findIndex(one => one.type === type)
      if (at >= 0) return Promise.resolve(kept.splice(at, 1)[0] as never)
      return Promise.race([new Promise<never>(resolve => waiting.push({ type, resolve })), ended])
    },
  }
}

/** Bytes of memory that a process holds. */
export const residentBytes = (pid: number): number => {
  try {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    if (found) return Number(found[1]) * 1024
  } catch {
    // No /proc on this system.
  }
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) * 1024
}
