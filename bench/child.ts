/** A helper process of the bench, spoken to by messages. */
import { fork } from 'node:child_process'
import process from 'node:process'
import type { Scope } from './scope.ts'

export type Child<Task, Says extends { type: string }> = {
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
  const child = fork(new URL(file, import.meta.url), {
    env: { ...process.env, ...env },
    execArgv: ['--expose-gc'],
  })
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
    tell: task => void child.send(task),
    says: type => {
      const at = kept.findIndex(one => one.type === type)
      if (at >= 0) return Promise.resolve(kept.splice(at, 1)[0] as never)
      return Promise.race([new Promise<never>(resolve => waiting.push({ type, resolve })), ended])
    },
  }
}
