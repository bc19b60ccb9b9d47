/**
 * Runs commands as processes, starts again what ends, and stops them one kind after the other.
 *
 * It owns the processes and nothing else. Each is the leader of a process group of its own, so
 * that Ctrl-C reaches the supervisor alone. When the supervisor is killed, the standard input of
 * its processes closes, which tells them to stop (see main.ts). By hand rather than by
 * `concurrently`, whose delay between restarts doubles for ever, whose restarts end at the first
 * clean exit, and which stops everything at the same moment.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { SUPERVISED } from './main.ts'

export type Command = {
  /** Shown before its lines, and unique: `owner` or `owner-2`. */
  readonly label: string
  /** Its kind, by which it is stopped: the name in the Procfile. */
  readonly name: string
  /** One command of the shell, which the process becomes. */
  readonly command: string
  readonly env: Readonly<Record<string, string | undefined>>
}

type Options = {
  readonly cwd: string
  /** Hears every line of every process, and what happens to them, with the label in front. */
  readonly say: (line: string) => void
}

export type Supervisor = {
  readonly start: (command: Command) => void
  /** Stops the kinds in `order`, each when the one before is gone; others come first. */
  readonly stop: (order: readonly string[]) => Promise<void>
  /** Ends everything at once. */
  readonly kill: () => void
}

const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 10_000
/** What ran for this long was well, and its next end is a new misfortune. */
const WELL_AFTER_MS = 10_000
/** A little more than a process gives itself. */
const STOP_WITHIN_MS = 9_000

type Kept = {
  readonly command: Command
  child: ChildProcess | undefined
  /** Resolves when the present process is gone. */
  gone: Promise<void>
  timer: NodeJS.Timeout | undefined
  delayMs: number
}

export const supervise = ({ cwd, say }: Options): Supervisor => {
  const kept: Kept[] = []
  let stopping = false

  const run = (it: Kept): void => {
    const { label, command, env } = it.command
    const child = spawn('sh', ['-c', `exec ${command}`], {
      cwd,
      env: { ...env, [SUPERVISED]: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
    it.child = child
    const startedMs = performance.now()
    // Nobody writes there; it is open as long as we live. A child that is gone breaks it.
    child.stdin.on('error', () => {})
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line =>
        say(line.startsWith(`${label}: `) ? line : `${label}: ${line}`),
      )
    }
    it.gone = new Promise(resolve => {
      const ended = (why: string) => {
        if (it.child !== child) return
        it.child = undefined
        resolve()
        if (stopping) return
        if (performance.now() - startedMs > WELL_AFTER_MS) it.delayMs = FIRST_DELAY_MS
        say(`${label}: ended (${why}), starts again in ${it.delayMs / 1000} s`)
        it.timer = setTimeout(() => run(it), it.delayMs)
        it.delayMs = Math.min(it.delayMs * 2, MAX_DELAY_MS)
      }
      child.once('error', error => ended(error.message))
      child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`))
    })
  }

  const stopOne = async (it: Kept): Promise<void> => {
    if (!it.child) return
    it.child.kill('SIGTERM')
    const late = setTimeout(() => {
      say(`${it.command.label}: does not stop and is killed`)
      killGroup(it.child)
    }, STOP_WITHIN_MS)
    await it.gone
    clearTimeout(late)
  }

  return {
    start: command => {
      const it: Kept = {
        command,
        child: undefined,
        gone: Promise.resolve(),
        timer: undefined,
        delayMs: FIRST_DELAY_MS,
      }
      kept.push(it)
      run(it)
    },
    stop: async order => {
      stopping = true
      for (const it of kept) clearTimeout(it.timer)
      const rank = (it: Kept) => order.indexOf(it.command.name)
      for (let i = -1; i < order.length; i++) {
        await Promise.all(kept.filter(it => rank(it) === i).map(stopOne))
      }
    },
    kill: () => {
      stopping = true
      for (const it of kept) {
        clearTimeout(it.timer)
        killGroup(it.child)
      }
    },
  }
}

const killGroup = (child: ChildProcess | undefined): void => {
  if (!child?.pid) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // Gone already.
  }
}
