/**
 * Runs a nats-server as a child process, with a store of its own.
 *
 * One store must never be open twice, and nats-server does not see to that itself. So each start
 * leaves the process id beside the store, and the next start first ends whatever still runs from
 * there: that is what remains when the process that watched it was killed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { fail } from '../../subjects/errors.ts'

const confOf = (name: string) => fileURLToPath(new URL(`../../config/${name}`, import.meta.url))
const SINGLE_CONF = confOf('nats.conf')
const CLUSTER_CONF = confOf('nats-cluster.conf')

/** Under load the server collects garbage before it takes more than this; it is no hard limit. */
const MEMORY_LIMIT = '1GiB'

export type NatsOptions = {
  /** The path of the program, see nats-binary.ts. */
  readonly program: string
  /** The folder of its store, made with owner-only rights. */
  readonly folder: string
  readonly port: number
  /** Set for one of several servers of this machine that form a cluster. */
  readonly node?: ClusterNode
  /** Hears every line that it logs. */
  readonly onLine?: (line: string) => void
}

export type ClusterNode = {
  readonly name: string
  /** Where it listens for the others, and where each of them does. */
  readonly port: number
  readonly ports: readonly number[]
}

export type RunningNats = { readonly child: ChildProcess; readonly url: string }

/**
 * Starts a nats-server and resolves once it takes clients and its streams are recovered.
 *
 * @throws code `NATS_SERVER_MISSING` when it ends before that; the message has its last words.
 */
export const startNatsServer = async (options: NatsOptions): Promise<RunningNats> => {
  const { program, folder, port, node, onLine = () => {} } = options
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  await endFormerNats(folder)

  const conf = node ? CLUSTER_CONF : SINGLE_CONF
  const args = ['-c', conf, '-a', '127.0.0.1', '-p', String(port), '-sd', folder]
  if (node) args.push('--cluster', `nats://127.0.0.1:${node.port}`)
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { GOMEMLIMIT: MEMORY_LIMIT, ...process.env, ...(node && environmentOf(node)) },
  })
  const words: string[] = []
  const ready = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line => {
        if (words.push(line) > 5) words.shift()
        onLine(line)
        if (line.includes('Server is ready')) resolve()
      })
    }
    const ended = (why: string) =>
      reject(
        fail('NATS_SERVER_MISSING', {
          message: `nats-server did not start (${why}). Its last words: ${words.join(' / ')}`,
        }),
      )
    child.once('error', error => ended(error.message))
    child.once('close', (code, signal) => ended(`${signal ?? `exit code ${code}`}`))
  })
  if (child.pid) writeFileSync(pidFileOf(folder), String(child.pid), { mode: 0o600 })
  await ready
  return { child, url: `nats://127.0.0.1:${port}` }
}

/** What config/nats-cluster.conf leaves open. */
const environmentOf = ({ name, ports }: ClusterNode): Record<string, string> => ({
  NATS_NAME: name,
  NATS_HOST: '127.0.0.1',
  NATS_ROUTES: `[${ports.map(port => `nats://127.0.0.1:${port}`).join(', ')}]`,
})

/** Ends a nats-server with `signal` and resolves when the process is gone. */
export const endNatsServer = async (
  child: ChildProcess,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}

/** How long the leaders on a server that is to go are given to move to others. */
const MOVE_WITHIN_MS = 1_000

/**
 * Ends one nats-server of a cluster in order: its leaders move while it still answers, so that the others need
 * not first miss them. Resolves when the process is gone.
 */
export const retireNatsServer = async (child: ChildProcess): Promise<void> => {
  const gone = endNatsServer(child, 'SIGUSR2')
  await Promise.race([gone, delay(MOVE_WITHIN_MS)])
  // SIGTERM would change nothing any more: it takes its own time, 10 s at least.
  await endNatsServer(child, 'SIGINT')
}

const pidFileOf = (folder: string): string => join(folder, 'nats-server.pid')

/** Ends the nats-server that an earlier start left running on the store in `folder`, if any. */
export const endFormerNats = async (folder: string): Promise<void> => {
  const pidFile = pidFileOf(folder)
  let pid: number
  try {
    pid = Number(readFileSync(pidFile, 'utf8'))
  } catch {
    return
  }
  // The number may belong to somebody else by now; the store's folder on the line tells.
  const isOurs = () => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(folder)
    } catch {
      return false
    }
  }
  for (let tries = 0; isOurs() && tries < 100; tries++) {
    process.kill(pid, tries < 80 ? 'SIGTERM' : 'SIGKILL')
    await delay(50)
  }
  rmSync(pidFile, { force: true })
}
