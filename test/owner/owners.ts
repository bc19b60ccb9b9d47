/** Owners for tests: in this process, where a test can stop them between two steps, or as real ones. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import pino from 'pino'
import { type Config, parseConfig } from '../../config/config.ts'
import { requestCommand } from '../../lib/bus/command.ts'
import type { Bus } from '../../lib/bus/connect.ts'
import { recordsAfter, type StoredRecord } from '../../lib/bus/newest.ts'
import { type OwnerConfig, runOwner } from '../../lib/owner/run.ts'
import type { Log } from '../../lib/telemetry/log.ts'
import type { CommandInput } from '../../subjects/commands.ts'

type Test = {
  teardown(end: () => void | Promise<void>): unknown
  comment(...text: unknown[]): void
  passing(): boolean
}

export const SECRET = 'a secret of the tests'

/** A configuration with a data folder of its own. */
export const ownerConfig = (t: Test, natsUrl: string, env: Record<string, string> = {}): Config => {
  const dataDir = mkdtempSync(join(tmpdir(), 'owner-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 }))
  return parseConfig({
    DATA_DIR: dataDir,
    NATS_URL: natsUrl,
    INTERNAL_CALLBACK_SECRET: SECRET,
    GIT_HOST: 'none',
    TOKEN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    OWNER_LEASE_MS: '5000',
    ...env,
  })
}

/** The last lines without the daily round. */
const telling = (lines: readonly string[]): string[] =>
  lines.filter(line => !/partition (taken|released)/.test(line)).slice(-60)

/** Resolves with the first line that fits, past or future, from line number `from` on. */
const untilIn =
  (lines: readonly string[], waiting: Set<() => void>) =>
  (fits: RegExp, from = 0): Promise<string> =>
    new Promise(resolve => {
      const look = () => {
        const line = lines.find((text, n) => n >= from && fits.test(text))
        if (line === undefined) return
        waiting.delete(look)
        resolve(line)
      }
      waiting.add(look)
      look()
    })

/** Keeps what is logged and shows it when the test fails; resolves `until` with a fitting line. */
export const testLog = (t: Test, name: string) => {
  const lines: string[] = []
  const waiting = new Set<() => void>()
  const log: Log = pino(
    { name, level: 'debug', serializers: { error: pino.stdSerializers.err } },
    {
      write: (line: string) => {
        lines.push(line)
        for (const look of waiting) look()
      },
    },
  )
  t.teardown(() => {
    if (!t.passing()) t.comment(telling(lines).join(''))
  })
  const until = untilIn(lines, waiting)
  return { log, lines, until }
}

/** Starts an owner in this process; it ends with the test. */
export const startOwner = (
  t: Test,
  config: OwnerConfig,
  options: Parameters<typeof runOwner>[3] & { readonly name?: string } = {},
) => {
  const stop = new AbortController()
  const logged = testLog(t, options.name ?? 'owner')
  const ended = runOwner(config, stop.signal, logged.log, options)
  ended.catch(() => {})
  const end = async () => {
    stop.abort()
    await ended
  }
  t.teardown(() => end().catch(() => {}))
  return { ...logged, ended, stop: end }
}

/** Starts an owner as a process of its own; killed when the test ends. */
export const spawnOwner = (
  t: Test,
  config: Config,
  env: Record<string, string> = {},
  /** Only for the first start. */
  first: Record<string, string> = {},
) => {
  const lines: string[] = []
  const waiting = new Set<() => void>()
  let child: ChildProcess
  const start = (more: Record<string, string> = {}) => {
    child = spawn(process.execPath, [new URL('owner-process.ts', import.meta.url).pathname], {
      env: {
        PATH: process.env.PATH,
        DATA_DIR: config.dataDir,
        NATS_URL: config.natsUrl,
        INTERNAL_CALLBACK_SECRET: config.internalCallbackSecret,
        TOKEN_ENCRYPTION_KEY: config.tokenEncryptionKey,
        OWNER_LEASE_MS: String(config.ownerLeaseMs),
        SESSION_IDLE_MS: String(config.sessionIdleMs),
        LOG_LEVEL: 'debug',
        NODE_ENV: 'production',
        ...env,
        ...more,
      } as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        lines.push(...bytes.toString().trimEnd().split('\n'))
        for (const look of waiting) look()
      })
    }
  }
  const gone = async () => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return child.exitCode ?? child.signalCode
  }
  start(first)
  t.teardown(async () => {
    if (!t.passing()) t.comment(telling(lines).join('\n'))
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await gone()
  })
  return {
    start,
    gone,
    pid: () => child.pid ?? 0,
    lines,
    until: untilIn(lines, waiting),
    kill: async () => {
      child.kill('SIGKILL')
      await gone()
    },
    stop: async () => {
      child.kill('SIGTERM')
      return gone()
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  }
}

/** All records of a session. */
export const logOf = async (bus: Bus, sid: string): Promise<StoredRecord[]> =>
  Array.fromAsync(recordsAfter(bus, sid, 0))

/** A command that opens a session. */
export const creation = (): CommandInput => ({
  v: 1,
  type: 'create_session',
  repoOwner: 'demo',
  repoName: 'hello',
  model: 'demo/model',
  owner: { userId: 'alice', name: 'Alice' },
})

/** Opens a session and waits for the owner's word. */
export const createSession = async (bus: Bus, sid: string): Promise<string> => {
  const { reply } = await requestCommand(bus, sid, creation(), { deadlineMs: 20_000 })
  if (!reply.ok) throw new Error(`not created: ${reply.code}`)
  return sid
}

/** A prompt of Alice's. */
export const promptOf = (clientRequestId: string, content = clientRequestId): CommandInput => ({
  v: 1,
  type: 'prompt',
  clientRequestId,
  content,
  authorId: 'alice',
})
