/** Runs one command in a process group of its own, so that all of it can be ended at once. */
import { spawn } from 'node:child_process'

export type ShellRun = {
  readonly command: string
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** The newest part of standard output and standard error, together, so far. */
  readonly onOutput: (output: string) => void
}

export type ShellEnd = { readonly ok: boolean; readonly output: string; readonly how: string }

const KEEP_CHARS = 200_000

/** Groups that run now: when the agent itself ends, they end. */
const groups = new Set<number>()

const killGroup = (pid: number) => {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Already gone.
  }
}

export const endAllCommands = (): void => {
  for (const pid of groups) killGroup(pid)
}

export const runShell = (options: ShellRun): Promise<ShellEnd> =>
  new Promise(resolve => {
    let output = ''
    const child = spawn('/bin/sh', ['-c', options.command], {
      cwd: options.cwd,
      env: { ...process.env, PAGER: 'cat', GIT_PAGER: 'cat', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const kill = () => child.pid !== undefined && killGroup(child.pid)
    if (child.pid !== undefined) groups.add(child.pid)
    const add = (chunk: string) => {
      output = (output + chunk).slice(-KEEP_CHARS)
      options.onOutput(output)
    }
    child.stdout.setEncoding('utf8').on('data', add)
    child.stderr.setEncoding('utf8').on('data', add)
    options.signal.addEventListener('abort', kill, { once: true })
    if (options.signal.aborted) kill()
    const end = (ok: boolean, how: string) => {
      options.signal.removeEventListener('abort', kill)
      if (child.pid !== undefined) groups.delete(child.pid)
      resolve({ ok, output, how })
    }
    // A child of the command may hold its output open after it has ended: that is not waited for.
    child.once('error', error => end(false, error.message))
    child.once('exit', (code, signal) => {
      setImmediate(() => end(code === 0, signal ? `ended by ${signal}` : `exit code ${code}`))
    })
  })
