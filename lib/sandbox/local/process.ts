/**
 * A bridge as a process of this host: in a process group and session of its own, so that it outlives
 * whoever started it, with its words in a file.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { AGENT_MARK, BRIDGE_MARK, sweep } from '../sweep.ts'
import { processBirth } from './identity.ts'

const BRIDGE = join(import.meta.dirname, '..', 'bridge', 'main.ts')
const MAX_LOG_BYTES = 2 * 1024 ** 2
const POLL_MS = 500
/** Longer than the bridge needs to end its agent and to say good-bye. */
const TERM_GRACE_MS = 3_000

export type BridgeProcess = {
  readonly pid: number
  readonly birth: string
  /** Resolves when it has ended, with what is known of how. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
}

const logPath = (folder: string) => join(folder, 'bridge.log')

/** Starts a bridge. @throws when the system cannot start a process */
export const startBridge = async (
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<BridgeProcess> => {
  const path = logPath(folder)
  const size = (await stat(path).catch(() => undefined))?.size ?? 0
  if (size > MAX_LOG_BYTES) await truncate(path)
  const log = await open(path, 'a', 0o600)
  let child: ChildProcess
  try {
    child = spawn(process.execPath, [BRIDGE], {
      cwd: folder,
      env: { ...env },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    await once(child, 'spawn')
  } finally {
    await log.close()
  }
  child.unref()
  const pid = child.pid as number
  const ended = new Promise<Awaited<BridgeProcess['ended']>>(resolve => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  // Already gone is possible, and then `ended` says so; no other process can match this birth.
  return { pid, birth: (await processBirth(pid)) ?? 'gone', ended }
}

/** Takes up a bridge that another process started, if it is still the same and alive. */
export const adoptBridge = async (
  pid: number,
  birth: string,
): Promise<BridgeProcess | undefined> => {
  if ((await processBirth(pid)) !== birth) return undefined
  const ended = new Promise<Awaited<BridgeProcess['ended']>>(resolve => {
    const timer = setInterval(async () => {
      if ((await processBirth(pid)) === birth) return
      clearInterval(timer)
      resolve({ code: null, signal: null })
    }, POLL_MS)
    timer.unref()
  })
  return { pid, birth, ended }
}

/** Ends a bridge and whatever it started: politely, then by force. */
export const endBridge = async (folder: string, bridge: BridgeProcess): Promise<void> => {
  const { pid, birth, ended } = bridge
  if ((await processBirth(pid)) === birth) {
    signal(pid, 'SIGTERM')
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, TERM_GRACE_MS)
    })
    await Promise.race([ended, late])
    clearTimeout(timer)
  }
  await clearAway(folder, bridge)
  await ended
}

/** Kills what a bridge that has ended, or will not, may have left. */
export const clearAway = async (folder: string, bridge?: BridgeProcess): Promise<void> => {
  // Where marks can be read they find everything. Elsewhere the group has to do: its number is not
  // given to another process while any member lives.
  if (
    bridge &&
    (process.platform !== 'linux' || (await processBirth(bridge.pid)) === bridge.birth)
  ) {
    signal(-bridge.pid, 'SIGKILL')
  }
  await sweep(folder, [BRIDGE_MARK, AGENT_MARK])
}

const signal = (pid: number, name: NodeJS.Signals) => {
  try {
    process.kill(pid, name)
  } catch {
    // Gone in the meantime.
  }
}

/** The last line that the bridge wrote, without its time. */
export const lastWords = async (folder: string): Promise<string> => {
  const file = await open(logPath(folder), 'r').catch(() => undefined)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const start = Math.max(0, size - 4_096)
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(size - start),
      0,
      size - start,
      start,
    )
    const lines = buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n')
    return (lines.at(-1) ?? '').replace(/^\d{4}-\S+Z /, '').slice(0, 1_000)
  } finally {
    await file.close()
  }
}
